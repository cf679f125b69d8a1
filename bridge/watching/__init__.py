"""An officer's browser at a live visit: receives both pictures and the mixed sound, and changes nothing in the visit.

    Tap --> Gallery --+--> Relay --------------------> Watcher's line      the browser has the source's codec
                      +--> Decode..Encode -> Rewrite -> Watcher's line     it has not: one encoder for all of a codec
                      +--> Mix -> Encode ------------> Watcher's line      one mix and one encoder for all of a codec

A gallery is there while somebody watches: with the last watcher its tap goes, and with the tap all cost.
"""

from bridge.watching.galleries import Galleries
from bridge.watching.gallery import Gallery, Watcher

__all__ = ["Galleries", "Gallery", "Watcher"]
