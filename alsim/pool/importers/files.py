"""Files as bytes, gzipped or not."""

import gzip
import zlib
from pathlib import Path

from alsim.errors import PoolError

GZIP_MAGIC = b"\x1f\x8b"


def read_unpacked(path: Path, mend: str) -> bytes:
    """Return what a file holds, unpacked where it is gzipped, whatever its name.

    Raises:
        PoolError: If it cannot be read, with `mend`.
    """
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data.startswith(GZIP_MAGIC) else data
    except (OSError, EOFError, zlib.error) as error:
        raise PoolError(f"the file cannot be read ({error})", str(path), mend) from None
