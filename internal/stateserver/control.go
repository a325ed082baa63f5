package stateserver

import (
	"github.com/culm-net/culm/datagram"
	md "github.com/culm-net/culm/internal/messagedirector"
)

// parentAI reads who has told about an AI, and which; that of the parent becomes
// the object's, if it has none of its own.
func (o *Object) parentAI(m *md.Message, r *datagram.Reader) {
	parent, ai := r.Uint32(), r.Uint64()
	if !o.complete(m, r) {
		return
	}
	if parent != o.parent {
		o.ignore(m, notForMe, "it is about the AI of another object than the parent")
		return
	}
	if !o.explicit {
		o.changeAI(ai, false, m.Sender)
	}
}

// changeAI gives the object another AI and tells of it (astron.md section 4.4,
// AI change).
func (o *Object) changeAI(ai uint64, explicit bool, by uint64) {
	old := o.ai
	o.setAI(ai, explicit)
	if ai == old {
		return
	}
	children := uint64(0)
	if o.children.n > 0 {
		children = md.ParentChannel(o.doID)
	}
	w := o.begin(md.StateServerObjectChangingAI, by, old, children)
	w.Uint32(o.doID)
	w.Uint64(ai)
	w.Uint64(old)
	o.end()
	o.enter(md.StateServerObjectEnterAIWithRequired, ai, forAI)
}

// setAI changes the AI, and where the object is found by it.
func (o *Object) setAI(ai uint64, explicit bool) {
	index := o.set.byAI
	if o.explicit {
		delete(index[o.ai], o.doID)
		if len(index[o.ai]) == 0 {
			delete(index, o.ai)
		}
	}
	o.ai, o.explicit = ai, explicit
	if explicit {
		if index[ai] == nil {
			index[ai] = make(map[uint32]*Object)
		}
		index[ai][o.doID] = o
	}
}

// setOwner gives the object to another owner and tells both.
func (o *Object) setOwner(owner, by uint64) {
	old := o.owner
	if owner == old {
		return
	}
	o.owner = owner
	w := o.begin(md.StateServerObjectChangingOwner, by, old)
	w.Uint32(o.doID)
	w.Uint64(owner)
	w.Uint64(old)
	o.end()
	o.enter(md.StateServerObjectEnterOwnerWithRequired, owner, forOwner)
}
