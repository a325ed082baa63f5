package messagedirector

import "strconv"

// Type is the number of a message between the daemons of a cluster, as in
// Astron. All roles' numbers are here, because roles that may not import each
// other speak with each other.
type Type uint16

// Of client agents; all to or from a session. Comments say what follows the
// type; ctx is a uint32 by which the asker knows the answer, doId, parent and
// zone are uint32.
const (
	ClientAgentSetState              Type = 1000 // uint16 state
	ClientAgentSetClientID           Type = 1001 // uint64 channel
	ClientAgentSendDatagram          Type = 1002 // blob message
	ClientAgentEject                 Type = 1004 // uint16 code, string reason
	ClientAgentDrop                  Type = 1005 // nothing
	ClientAgentGetNetworkAddress     Type = 1006 // ctx
	ClientAgentGetNetworkAddressResp Type = 1007 // ctx, string remote IP, uint16 port, string local IP, uint16 port
	ClientAgentDeclareObject         Type = 1010 // doId, uint16 class
	ClientAgentUndeclareObject       Type = 1011 // doId
	ClientAgentAddSessionObject      Type = 1012 // doId
	ClientAgentRemoveSessionObject   Type = 1013 // doId
	ClientAgentSetFieldsSendable     Type = 1014 // doId, uint16 n, n × uint16 field
	ClientAgentGetTLVs               Type = 1015 // ctx
	ClientAgentGetTLVsResp           Type = 1016 // ctx, blob TLVs
	ClientAgentOpenChannel           Type = 1100 // uint64 channel
	ClientAgentCloseChannel          Type = 1101 // uint64 channel
	ClientAgentAddPostRemove         Type = 1110 // blob message
	ClientAgentClearPostRemoves      Type = 1111 // nothing
	ClientAgentAddInterest           Type = 1200 // uint16 id, parent, zone
	ClientAgentAddInterestMultiple   Type = 1201 // uint16 id, parent, uint16 n, n × zone
	ClientAgentRemoveInterest        Type = 1203 // uint16 id
	ClientAgentDoneInterestResp      Type = 1204 // uint64 session channel, uint16 id
)

// Of state servers. REQ and OTHER are an object's field values as in astron.md
// section 1.1: of all fields, of those that clients may see (_C), or of those
// that owners may see (_O).
const (
	StateServerCreateObjectWithRequired             Type = 2000 // doId, parent, zone, uint16 class, REQ
	StateServerCreateObjectWithRequiredOther        Type = 2001 // the same, OTHER
	StateServerDeleteAIObjects                      Type = 2009 // uint64 ai
	StateServerObjectGetField                       Type = 2010 // ctx, doId, uint16 field
	StateServerObjectGetFieldResp                   Type = 2011 // ctx, uint8 ok, [uint16 field, value]
	StateServerObjectGetFields                      Type = 2012 // ctx, doId, uint16 n, n × uint16 field
	StateServerObjectGetFieldsResp                  Type = 2013 // ctx, uint8 ok, [uint16 n, n × (uint16 field, value)]
	StateServerObjectGetAll                         Type = 2014 // ctx, doId
	StateServerObjectGetAllResp                     Type = 2015 // ctx, doId, parent, zone, uint16 class, REQ, OTHER
	StateServerObjectGetClass                       Type = 2016 // ctx; not in Astron but Ardos, like the next
	StateServerObjectGetClassResp                   Type = 2017 // ctx, doId, uint16 class
	StateServerObjectSetField                       Type = 2020 // doId, uint16 field, value
	StateServerObjectSetFields                      Type = 2021 // doId, uint16 n, n × (uint16 field, value)
	StateServerObjectDeleteFieldRAM                 Type = 2030 // doId, uint16 field
	StateServerObjectDeleteFieldsRAM                Type = 2031 // doId, uint16 n, n × uint16 field
	StateServerObjectDeleteRAM                      Type = 2032 // doId
	StateServerObjectSetLocation                    Type = 2040 // parent, zone
	StateServerObjectChangingLocation               Type = 2041 // doId, new parent, new zone, old parent, old zone
	StateServerObjectEnterLocationWithRequired      Type = 2042 // doId, parent, zone, uint16 class, REQ_C
	StateServerObjectEnterLocationWithRequiredOther Type = 2043 // the same, OTHER_C
	StateServerObjectGetLocation                    Type = 2044 // ctx
	StateServerObjectGetLocationResp                Type = 2045 // ctx, doId, parent, zone
	StateServerObjectLocationAck                    Type = 2046 // parent, zone
	StateServerObjectSetAI                          Type = 2050 // uint64 ai
	StateServerObjectChangingAI                     Type = 2051 // doId, uint64 new ai, uint64 old ai
	StateServerObjectEnterAIWithRequired            Type = 2052 // doId, parent, zone, uint16 class, REQ
	StateServerObjectEnterAIWithRequiredOther       Type = 2053 // the same, OTHER
	StateServerObjectGetAI                          Type = 2054 // ctx
	StateServerObjectGetAIResp                      Type = 2055 // ctx, doId, uint64 ai
	StateServerObjectSetOwner                       Type = 2060 // uint64 owner
	StateServerObjectChangingOwner                  Type = 2061 // doId, uint64 new owner, uint64 old owner
	StateServerObjectEnterOwnerWithRequired         Type = 2062 // doId, parent, zone, uint16 class, REQ_O
	StateServerObjectEnterOwnerWithRequiredOther    Type = 2063 // the same, OTHER_O
	StateServerObjectGetOwner                       Type = 2064 // ctx
	StateServerObjectGetOwnerResp                   Type = 2065 // ctx, doId, uint64 owner
	StateServerObjectEnterInterestWithRequired      Type = 2066 // ctx, doId, parent, zone, uint16 class, REQ_C
	StateServerObjectEnterInterestWithRequiredOther Type = 2067 // the same, OTHER_C
	StateServerObjectGetZoneObjects                 Type = 2100 // ctx, parent, zone
	StateServerObjectGetZonesObjects                Type = 2102 // ctx, parent, uint16 n, n × zone
	StateServerObjectGetChildren                    Type = 2104 // ctx, parent
	StateServerObjectGetZoneCount                   Type = 2110 // ctx, parent, zone
	StateServerObjectGetZoneCountResp               Type = 2111 // ctx, uint32 count
	StateServerObjectGetZonesCount                  Type = 2112 // ctx, parent, uint16 n, n × zone
	StateServerObjectGetZonesCountResp              Type = 2113 // ctx, uint32 count
	StateServerObjectGetChildCount                  Type = 2114 // ctx, parent
	StateServerObjectGetChildCountResp              Type = 2115 // ctx, uint32 count
	StateServerObjectDeleteZone                     Type = 2120 // parent, zone
	StateServerObjectDeleteZones                    Type = 2122 // parent, uint16 n, n × zone
	StateServerObjectDeleteChildren                 Type = 2124 // parent
	StateServerObjectGetActiveZones                 Type = 2125 // ctx
	StateServerObjectGetActiveZonesResp             Type = 2126 // ctx, uint16 n, n × zone
)

// Of database state servers.
const (
	DBSSObjectActivateWithDefaults      Type = 2200 // doId, parent, zone
	DBSSObjectActivateWithDefaultsOther Type = 2201 // doId, parent, zone, uint16 class, OTHER
	DBSSObjectGetActivated              Type = 2207 // ctx, doId
	DBSSObjectGetActivatedResp          Type = 2208 // ctx, doId, uint8 active
	DBSSObjectDeleteFieldDisk           Type = 2230 // doId, uint16 field
	DBSSObjectDeleteFieldsDisk          Type = 2231 // doId, uint16 n, n × uint16 field
	DBSSObjectDeleteDisk                Type = 2232 // doId
)

// Of database servers.
const (
	DBServerCreateObject                Type = 3000 // ctx, uint16 class, uint16 n, n × (uint16 field, value)
	DBServerCreateObjectResp            Type = 3001 // ctx, doId
	DBServerObjectGetField              Type = 3010 // ctx, doId, uint16 field
	DBServerObjectGetFieldResp          Type = 3011 // ctx, uint8 ok, [uint16 field, value]
	DBServerObjectGetFields             Type = 3012 // ctx, doId, uint16 n, n × uint16 field
	DBServerObjectGetFieldsResp         Type = 3013 // ctx, uint8 ok, [uint16 n, n × (uint16 field, value)]
	DBServerObjectGetAll                Type = 3014 // ctx, doId
	DBServerObjectGetAllResp            Type = 3015 // ctx, uint8 ok, [uint16 class, uint16 n, n × (uint16 field, value)]
	DBServerObjectSetField              Type = 3020 // doId, uint16 field, value
	DBServerObjectSetFields             Type = 3021 // doId, uint16 n, n × (uint16 field, value)
	DBServerObjectSetFieldIfEquals      Type = 3022 // ctx, doId, uint16 field, old value, new value
	DBServerObjectSetFieldIfEqualsResp  Type = 3023 // ctx, uint8 ok, [uint16 field, value]
	DBServerObjectSetFieldsIfEquals     Type = 3024 // ctx, doId, uint16 n, n × (uint16 field, old value, new value)
	DBServerObjectSetFieldsIfEqualsResp Type = 3025 // ctx, uint8 ok, [uint16 n, n × (uint16 field, value)]
	DBServerObjectSetFieldIfEmpty       Type = 3026 // ctx, doId, uint16 field, value
	DBServerObjectSetFieldIfEmptyResp   Type = 3027 // ctx, uint8 ok, [uint16 field, value]
	DBServerObjectDeleteField           Type = 3030 // doId, uint16 field
	DBServerObjectDeleteFields          Type = 3031 // doId, uint16 n, n × uint16 field
	DBServerObjectDelete                Type = 3032 // doId
)

// Of message directors: control messages, from downstream only (astron.md
// section 3.1).
const (
	ControlAddChannel       Type = 9000 // uint64 channel
	ControlRemoveChannel    Type = 9001 // uint64 channel
	ControlAddRange         Type = 9002 // uint64 low, uint64 high, both included
	ControlRemoveRange      Type = 9003 // uint64 low, uint64 high, both included
	ControlAddPostRemove    Type = 9010 // uint64 sender, blob message
	ControlClearPostRemoves Type = 9011 // uint64 sender
	ControlSetConName       Type = 9012 // string name
	ControlSetConURL        Type = 9013 // string URL
	ControlLogMessage       Type = 9014 // blob packet for the event logger
)

// String returns the name that Astron (or Ardos) gives t, or its number when it is none of
// the protocol's.
func (t Type) String() string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return strconv.Itoa(int(t))
}

var typeNames = map[Type]string{
	ClientAgentSetState:                             "CLIENTAGENT_SET_STATE",
	ClientAgentSetClientID:                          "CLIENTAGENT_SET_CLIENT_ID",
	ClientAgentSendDatagram:                         "CLIENTAGENT_SEND_DATAGRAM",
	ClientAgentEject:                                "CLIENTAGENT_EJECT",
	ClientAgentDrop:                                 "CLIENTAGENT_DROP",
	ClientAgentGetNetworkAddress:                    "CLIENTAGENT_GET_NETWORK_ADDRESS",
	ClientAgentGetNetworkAddressResp:                "CLIENTAGENT_GET_NETWORK_ADDRESS_RESP",
	ClientAgentDeclareObject:                        "CLIENTAGENT_DECLARE_OBJECT",
	ClientAgentUndeclareObject:                      "CLIENTAGENT_UNDECLARE_OBJECT",
	ClientAgentAddSessionObject:                     "CLIENTAGENT_ADD_SESSION_OBJECT",
	ClientAgentRemoveSessionObject:                  "CLIENTAGENT_REMOVE_SESSION_OBJECT",
	ClientAgentSetFieldsSendable:                    "CLIENTAGENT_SET_FIELDS_SENDABLE",
	ClientAgentGetTLVs:                              "CLIENTAGENT_GET_TLVS",
	ClientAgentGetTLVsResp:                          "CLIENTAGENT_GET_TLVS_RESP",
	ClientAgentOpenChannel:                          "CLIENTAGENT_OPEN_CHANNEL",
	ClientAgentCloseChannel:                         "CLIENTAGENT_CLOSE_CHANNEL",
	ClientAgentAddPostRemove:                        "CLIENTAGENT_ADD_POST_REMOVE",
	ClientAgentClearPostRemoves:                     "CLIENTAGENT_CLEAR_POST_REMOVES",
	ClientAgentAddInterest:                          "CLIENTAGENT_ADD_INTEREST",
	ClientAgentAddInterestMultiple:                  "CLIENTAGENT_ADD_INTEREST_MULTIPLE",
	ClientAgentRemoveInterest:                       "CLIENTAGENT_REMOVE_INTEREST",
	ClientAgentDoneInterestResp:                     "CLIENTAGENT_DONE_INTEREST_RESP",
	StateServerCreateObjectWithRequired:             "STATESERVER_CREATE_OBJECT_WITH_REQUIRED",
	StateServerCreateObjectWithRequiredOther:        "STATESERVER_CREATE_OBJECT_WITH_REQUIRED_OTHER",
	StateServerDeleteAIObjects:                      "STATESERVER_DELETE_AI_OBJECTS",
	StateServerObjectGetField:                       "STATESERVER_OBJECT_GET_FIELD",
	StateServerObjectGetFieldResp:                   "STATESERVER_OBJECT_GET_FIELD_RESP",
	StateServerObjectGetFields:                      "STATESERVER_OBJECT_GET_FIELDS",
	StateServerObjectGetFieldsResp:                  "STATESERVER_OBJECT_GET_FIELDS_RESP",
	StateServerObjectGetAll:                         "STATESERVER_OBJECT_GET_ALL",
	StateServerObjectGetAllResp:                     "STATESERVER_OBJECT_GET_ALL_RESP",
	StateServerObjectGetClass:                       "STATESERVER_OBJECT_GET_CLASS",
	StateServerObjectGetClassResp:                   "STATESERVER_OBJECT_GET_CLASS_RESP",
	StateServerObjectSetField:                       "STATESERVER_OBJECT_SET_FIELD",
	StateServerObjectSetFields:                      "STATESERVER_OBJECT_SET_FIELDS",
	StateServerObjectDeleteFieldRAM:                 "STATESERVER_OBJECT_DELETE_FIELD_RAM",
	StateServerObjectDeleteFieldsRAM:                "STATESERVER_OBJECT_DELETE_FIELDS_RAM",
	StateServerObjectDeleteRAM:                      "STATESERVER_OBJECT_DELETE_RAM",
	StateServerObjectSetLocation:                    "STATESERVER_OBJECT_SET_LOCATION",
	StateServerObjectChangingLocation:               "STATESERVER_OBJECT_CHANGING_LOCATION",
	StateServerObjectEnterLocationWithRequired:      "STATESERVER_OBJECT_ENTER_LOCATION_WITH_REQUIRED",
	StateServerObjectEnterLocationWithRequiredOther: "STATESERVER_OBJECT_ENTER_LOCATION_WITH_REQUIRED_OTHER",
	StateServerObjectGetLocation:                    "STATESERVER_OBJECT_GET_LOCATION",
	StateServerObjectGetLocationResp:                "STATESERVER_OBJECT_GET_LOCATION_RESP",
	StateServerObjectLocationAck:                    "STATESERVER_OBJECT_LOCATION_ACK",
	StateServerObjectSetAI:                          "STATESERVER_OBJECT_SET_AI",
	StateServerObjectChangingAI:                     "STATESERVER_OBJECT_CHANGING_AI",
	StateServerObjectEnterAIWithRequired:            "STATESERVER_OBJECT_ENTER_AI_WITH_REQUIRED",
	StateServerObjectEnterAIWithRequiredOther:       "STATESERVER_OBJECT_ENTER_AI_WITH_REQUIRED_OTHER",
	StateServerObjectGetAI:                          "STATESERVER_OBJECT_GET_AI",
	StateServerObjectGetAIResp:                      "STATESERVER_OBJECT_GET_AI_RESP",
	StateServerObjectSetOwner:                       "STATESERVER_OBJECT_SET_OWNER",
	StateServerObjectChangingOwner:                  "STATESERVER_OBJECT_CHANGING_OWNER",
	StateServerObjectEnterOwnerWithRequired:         "STATESERVER_OBJECT_ENTER_OWNER_WITH_REQUIRED",
	StateServerObjectEnterOwnerWithRequiredOther:    "STATESERVER_OBJECT_ENTER_OWNER_WITH_REQUIRED_OTHER",
	StateServerObjectGetOwner:                       "STATESERVER_OBJECT_GET_OWNER",
	StateServerObjectGetOwnerResp:                   "STATESERVER_OBJECT_GET_OWNER_RESP",
	StateServerObjectEnterInterestWithRequired:      "STATESERVER_OBJECT_ENTER_INTEREST_WITH_REQUIRED",
	StateServerObjectEnterInterestWithRequiredOther: "STATESERVER_OBJECT_ENTER_INTEREST_WITH_REQUIRED_OTHER",
	StateServerObjectGetZoneObjects:                 "STATESERVER_OBJECT_GET_ZONE_OBJECTS",
	StateServerObjectGetZonesObjects:                "STATESERVER_OBJECT_GET_ZONES_OBJECTS",
	StateServerObjectGetChildren:                    "STATESERVER_OBJECT_GET_CHILDREN",
	StateServerObjectGetZoneCount:                   "STATESERVER_OBJECT_GET_ZONE_COUNT",
	StateServerObjectGetZoneCountResp:               "STATESERVER_OBJECT_GET_ZONE_COUNT_RESP",
	StateServerObjectGetZonesCount:                  "STATESERVER_OBJECT_GET_ZONES_COUNT",
	StateServerObjectGetZonesCountResp:              "STATESERVER_OBJECT_GET_ZONES_COUNT_RESP",
	StateServerObjectGetChildCount:                  "STATESERVER_OBJECT_GET_CHILD_COUNT",
	StateServerObjectGetChildCountResp:              "STATESERVER_OBJECT_GET_CHILD_COUNT_RESP",
	StateServerObjectDeleteZone:                     "STATESERVER_OBJECT_DELETE_ZONE",
	StateServerObjectDeleteZones:                    "STATESERVER_OBJECT_DELETE_ZONES",
	StateServerObjectDeleteChildren:                 "STATESERVER_OBJECT_DELETE_CHILDREN",
	StateServerObjectGetActiveZones:                 "STATESERVER_OBJECT_GET_ACTIVE_ZONES",
	StateServerObjectGetActiveZonesResp:             "STATESERVER_OBJECT_GET_ACTIVE_ZONES_RESP",
	DBSSObjectActivateWithDefaults:                  "DBSS_OBJECT_ACTIVATE_WITH_DEFAULTS",
	DBSSObjectActivateWithDefaultsOther:             "DBSS_OBJECT_ACTIVATE_WITH_DEFAULTS_OTHER",
	DBSSObjectGetActivated:                          "DBSS_OBJECT_GET_ACTIVATED",
	DBSSObjectGetActivatedResp:                      "DBSS_OBJECT_GET_ACTIVATED_RESP",
	DBSSObjectDeleteFieldDisk:                       "DBSS_OBJECT_DELETE_FIELD_DISK",
	DBSSObjectDeleteFieldsDisk:                      "DBSS_OBJECT_DELETE_FIELDS_DISK",
	DBSSObjectDeleteDisk:                            "DBSS_OBJECT_DELETE_DISK",
	DBServerCreateObject:                            "DBSERVER_CREATE_OBJECT",
	DBServerCreateObjectResp:                        "DBSERVER_CREATE_OBJECT_RESP",
	DBServerObjectGetField:                          "DBSERVER_OBJECT_GET_FIELD",
	DBServerObjectGetFieldResp:                      "DBSERVER_OBJECT_GET_FIELD_RESP",
	DBServerObjectGetFields:                         "DBSERVER_OBJECT_GET_FIELDS",
	DBServerObjectGetFieldsResp:                     "DBSERVER_OBJECT_GET_FIELDS_RESP",
	DBServerObjectGetAll:                            "DBSERVER_OBJECT_GET_ALL",
	DBServerObjectGetAllResp:                        "DBSERVER_OBJECT_GET_ALL_RESP",
	DBServerObjectSetField:                          "DBSERVER_OBJECT_SET_FIELD",
	DBServerObjectSetFields:                         "DBSERVER_OBJECT_SET_FIELDS",
	DBServerObjectSetFieldIfEquals:                  "DBSERVER_OBJECT_SET_FIELD_IF_EQUALS",
	DBServerObjectSetFieldIfEqualsResp:              "DBSERVER_OBJECT_SET_FIELD_IF_EQUALS_RESP",
	DBServerObjectSetFieldsIfEquals:                 "DBSERVER_OBJECT_SET_FIELDS_IF_EQUALS",
	DBServerObjectSetFieldsIfEqualsResp:             "DBSERVER_OBJECT_SET_FIELDS_IF_EQUALS_RESP",
	DBServerObjectSetFieldIfEmpty:                   "DBSERVER_OBJECT_SET_FIELD_IF_EMPTY",
	DBServerObjectSetFieldIfEmptyResp:               "DBSERVER_OBJECT_SET_FIELD_IF_EMPTY_RESP",
	DBServerObjectDeleteField:                       "DBSERVER_OBJECT_DELETE_FIELD",
	DBServerObjectDeleteFields:                      "DBSERVER_OBJECT_DELETE_FIELDS",
	DBServerObjectDelete:                            "DBSERVER_OBJECT_DELETE",
	ControlAddChannel:                               "CONTROL_ADD_CHANNEL",
	ControlRemoveChannel:                            "CONTROL_REMOVE_CHANNEL",
	ControlAddRange:                                 "CONTROL_ADD_RANGE",
	ControlRemoveRange:                              "CONTROL_REMOVE_RANGE",
	ControlAddPostRemove:                            "CONTROL_ADD_POST_REMOVE",
	ControlClearPostRemoves:                         "CONTROL_CLEAR_POST_REMOVES",
	ControlSetConName:                               "CONTROL_SET_CON_NAME",
	ControlSetConURL:                                "CONTROL_SET_CON_URL",
	ControlLogMessage:                               "CONTROL_LOG_MESSAGE",
}
