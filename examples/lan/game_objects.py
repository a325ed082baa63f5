"""The players' view of the classes in coins.dc."""
from direct.distributed.DistributedObject import DistributedObject


class Walker(DistributedObject):
    def __init__(self, cr):
        DistributedObject.__init__(self, cr)
        self.name = ''
        self.pos = (0.0, 0.0)

    def setName(self, name):
        self.name = name

    def getName(self):
        return self.name

    def setPos(self, x, y):
        self.pos = (x, y)

    def getPos(self):
        return self.pos

    def award(self, coins):
        print('%s has %d coins' % (self.name, coins), flush=True)

    def announceGenerate(self):
        DistributedObject.announceGenerate(self)
        print('%s is here' % self.name, flush=True)

    def delete(self):
        print('%s is gone' % self.name, flush=True)
        DistributedObject.delete(self)


class Coin(DistributedObject):
    def __init__(self, cr):
        DistributedObject.__init__(self, cr)
        self.spot = (0.0, 0.0)

    def setSpot(self, x, y):
        self.spot = (x, y)

    def getSpot(self):
        return self.spot
