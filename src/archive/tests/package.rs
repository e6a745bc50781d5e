//! Packages of archives.

use super::*;

/// A package with this archive in it: uncompressed, and without 64-bit lengths.
fn package(archive: &[u8], directory: bool) -> Vec<u8> {
    let name = b"archive/a.warc";
    let length = (archive.len() as u32).to_le_bytes();
    let common = [
        &[20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
        &length,
        &length,
        &[14, 0, 0, 0],
    ]
    .concat();
    let mut zip = [b"PK\x03\x04", &common[..], name, archive].concat();
    let offset = (zip.len() as u32).to_le_bytes();
    if directory {
        let entry = [b"PK\x01\x02\x14\0", &common[..], &[0; 14], name].concat();
        zip.extend_from_slice(&entry);
        let size = (entry.len() as u32).to_le_bytes();
        zip.extend_from_slice(
            &[
                b"PK\x05\x06\0\0\0\0\x01\0\x01\0",
                &size[..],
                &offset,
                b"\0\0",
            ]
            .concat(),
        );
    }
    zip
}

#[test]
fn a_package_is_read_with_its_directory_and_without_one_after_a_kill() {
    for directory in [true, false] {
        let bytes = package(&three().concat(), directory);
        assert_eq!(
            TestFile::new("pages.wacz", &bytes).read(),
            (expected(), None),
            "{directory}"
        );
    }
}

#[test]
fn a_hostile_directory_of_a_package_causes_no_panic_and_no_read_outside() {
    let whole = package(&three().concat(), true);
    let mut random = fastrand::Rng::with_seed(11);
    for _ in 0..3000 {
        let mut bytes = whole.clone();
        let from = bytes.len() - 90;
        for _ in 0..random.usize(1..5) {
            let at = random.usize(from..bytes.len());
            let any = random.u8(..);
            bytes[at] = random.choice([0, 1, 0xFF, any]).unwrap();
        }
        let file = TestFile::new("pages.wacz", &bytes);
        let archive = Archive::open(&file.path);
        assert!(archive.map_or(0, Iterator::count) <= 4);
    }
}
