use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::*;

fn pack(count: u32, objects: &[u8]) -> Vec<u8> {
    let mut pack = b"PACK\0\0\0\x02".to_vec();
    pack.extend_from_slice(&count.to_be_bytes());
    pack.extend_from_slice(objects);
    pack.extend_from_slice(&[0; 20]);
    pack
}

fn object(kind: u8, declared: u64, between: &[u8], content: &[u8]) -> Vec<u8> {
    let mut object = Vec::new();
    let mut rest = declared >> 4;
    let more = |rest: u64| if rest > 0 { 128 } else { 0 };
    object.push(kind << 4 | (declared & 15) as u8 | more(rest));
    while rest > 0 {
        let low = (rest & 127) as u8;
        rest >>= 7;
        object.push(low | more(rest));
    }
    object.extend_from_slice(between);
    let mut zlib = ZlibEncoder::new(object, Compression::fast());
    zlib.write_all(content).unwrap();
    zlib.finish().unwrap()
}

/// Fed in pieces of every small size, it says the same.
fn screened(pack: &[u8]) -> Result<bool, Screened> {
    let whole = fed(pack, pack.len());
    for piece in [1, 2, 7] {
        assert_eq!(fed(pack, piece), whole);
    }
    whole
}

fn fed(pack: &[u8], piece: usize) -> Result<bool, Screened> {
    let mut screen = Screen::new(1 << 20);
    for piece in pack.chunks(piece) {
        screen.feed(piece)?;
    }
    Ok(screen.is_whole())
}

#[test]
fn a_sound_pack_passes() {
    let text = "Текст ".repeat(20_000);
    let mut objects = object(3, text.len() as u64, &[], text.as_bytes());
    objects.extend(object(1, 0, &[], b""));
    objects.extend(object(6, 4, &[0x81, 0x05], &[5, 3, 1, b'x']));
    objects.extend(object(7, 4, &[9; 20], &[5, 3, 1, b'x']));
    assert_eq!(screened(&pack(4, &objects)), Ok(true));
    assert_eq!(screened(&pack(0, &[])), Ok(true));
    let whole = pack(4, &objects);
    assert_eq!(screened(&whole[..whole.len() - 1]), Ok(false), "cut off");
    assert_eq!(screened(&whole[..40]), Ok(false), "cut off");
}

#[test]
fn sizes_are_met_before_room_is_made_for_them() {
    let huge = MOST_OBJECT_BYTES + 1;
    for objects in [
        object(3, huge, &[], b"x"),
        object(3, u64::MAX >> 1, &[], b"x"),
        object(7, 7, &[9; 20], &[5, 0xff, 0xff, 0xff, 0xff, 0x7f, 0]),
    ] {
        let found = screened(&pack(1, &objects));
        assert!(matches!(found, Err(Screened::TooLarge(_))), "{found:?}");
    }
    assert!(matches!(
        screened(&pack(u32::MAX, &[])),
        Err(Screened::TooLarge(_))
    ));
    let seventeen: Vec<u8> = (0..17)
        .flat_map(|_| object(7, 6, &[9; 20], &[5, 0x80, 0x80, 0x40, 1, b'x']))
        .collect();
    assert!(matches!(
        screened(&pack(17, &seventeen)),
        Err(Screened::TooLarge(_))
    ));
}

#[test]
fn what_contradicts_itself_is_damaged() {
    for objects in [
        object(3, 3, &[], b"four"),
        object(3, 5, &[], b"four"),
        object(5, 4, &[], b"four"),
        object(6, 4, &[0xff; 12], b"four"),
        object(7, 2, &[9; 20], &[0x85, 0x85]),
    ] {
        assert_eq!(screened(&pack(1, &objects)), Err(Screened::Damaged));
    }
    assert_eq!(screened(b"<html>Not a pack</html>"), Err(Screened::Damaged));
    let mut longer = pack(0, &[]);
    longer.push(0);
    assert_eq!(screened(&longer), Err(Screened::Damaged));
}
