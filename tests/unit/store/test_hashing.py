from ganjax.store.hashing import sha256, sha256_of_file


# FIPS 180-2, appendix B.1, and the digest of no data at all.
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_digests_are_the_published_ones():
    assert sha256(b"abc") == sha256("abc") == ABC
    assert sha256(b"") == sha256([]) == EMPTY


def test_parts_are_hashed_as_if_joined():
    assert sha256(["a", b"b", "c"]) == sha256(part for part in (b"ab", "c")) == ABC


def test_text_is_hashed_as_utf_8():
    assert sha256("é") == sha256(b"\xc3\xa9")


def test_a_file_has_the_digest_of_its_contents(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert sha256_of_file(path) == ABC
