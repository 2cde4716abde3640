"""What a run keeps of its data."""

import gzip
import json

from ganjax.store.manifest import INVENTORY, read_inventory, write_inventory


def test_the_inventory_is_the_same_file_for_the_same_data(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        write_inventory(tmp_path / name, {"x.png": "3:1f"})
    one, other = ((tmp_path / name / INVENTORY).read_bytes() for name in "ab")
    assert one == other and json.loads(gzip.decompress(one)) == {"x.png": "3:1f"}
    assert read_inventory(tmp_path / "a") == {"x.png": "3:1f"}
    (tmp_path / "a" / INVENTORY).write_bytes(one[:5])
    assert read_inventory(tmp_path / "a") is None
