"""A player of the coin game: a stock Panda3D client that walks to the nearest coin.

    python walk.py NAME [HOST [PORT]]
"""
import math
import sys

from panda3d.core import URLSpec, loadPrcFileData

loadPrcFileData('', 'window-type none\naudio-library-name null')

from direct.distributed.ClientRepository import ClientRepository
from direct.showbase.ShowBase import ShowBase

from game_objects import Coin, Walker

ZONE = 1
STEP = 0.25  # units
PERIOD = 0.1  # seconds


class Player(ClientRepository):
    def __init__(self, name, host, port):
        ClientRepository.__init__(self, dcFileNames=['coins.dc'])
        self.name = name
        self.walker = None
        self.accept('createReady', self.join)
        self.connect([URLSpec('http://%s:%d' % (host, port))],
                     successCallback=lambda: None, failureCallback=self.failed)

    def failed(self, code, reason):
        sys.exit('no connection: %s' % reason)

    def lostConnection(self):
        sys.exit('the server is gone')

    def join(self):
        self.setInterestZones([ZONE])
        self.walker = Walker(self)
        self.walker.name = self.name
        self.createDistributedObject(distObj=self.walker, zoneId=ZONE)
        base.taskMgr.doMethodLater(PERIOD, self.walk, 'walk')

    def walk(self, task):
        coins = [o for o in self.doId2do.values() if isinstance(o, Coin)]
        if coins:
            x, y = self.walker.pos
            goal = min((c.spot for c in coins), key=lambda s: math.hypot(s[0] - x, s[1] - y))
            far = math.hypot(goal[0] - x, goal[1] - y)
            part = min(1, STEP / far) if far else 0
            self.walker.pos = (x + (goal[0] - x) * part, y + (goal[1] - y) * part)
            self.sendUpdate(self.walker, 'setPos', self.walker.pos)
        return task.again


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    base = ShowBase(windowType='none')
    player = Player(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else '127.0.0.1',
                    int(sys.argv[3]) if len(sys.argv) > 3 else 4400)
    base.run()
