//! PDF files made object by object: text in a font of two-byte codes with a map to Unicode, as office programs write it.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use md5::{Digest as _, Md5};

/// Pads passwords (ISO 32000-1, algorithm 2).
const PAD: [u8; 32] = *b"\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A";

/// Text at a place: x, y from the bottom, size, words.
pub(crate) type Drawn<'a> = (f32, f32, f32, &'a str);

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Made<'a> {
    pub(crate) title: Option<&'a str>,
    pub(crate) compressed: bool,
    /// All objects but streams in a stream, with a cross-reference stream.
    pub(crate) packed: bool,
    /// RC4 with a key of 40 bits.
    pub(crate) password: Option<&'a str>,
    /// Without the map to Unicode.
    pub(crate) mute: bool,
    /// Put before what each page draws.
    pub(crate) prefix: &'a str,
}

impl Made<'_> {
    pub(crate) fn pdf(&self, pages: &[Vec<Drawn<'_>>]) -> Vec<u8> {
        let mut letters: Vec<char> = pages
            .iter()
            .flatten()
            .flat_map(|(.., text)| text.chars())
            .collect();
        letters.sort_unstable();
        letters.dedup();
        let kids: String = (0..pages.len())
            .map(|page| format!("{} 0 R ", 10 + 2 * page))
            .collect();
        let map: String = letters
            .iter()
            .enumerate()
            .map(|(code, c)| {
                let units: String = c
                    .encode_utf16(&mut [0; 2])
                    .iter()
                    .map(|unit| format!("{unit:04X}"))
                    .collect();
                format!("<{:04X}> <{units}>\n", code + 1)
            })
            .collect();
        let map = format!(
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n1 begincodespacerange <0000> <FFFF> endcodespacerange\n\
             {} beginbfchar\n{map}endbfchar\nendcmap end end",
            letters.len()
        );
        let to_unicode = if self.mute { "" } else { "/ToUnicode 6 0 R" };
        let title: String = self
            .title
            .map(|title| title.encode_utf16().map(|unit| format!("{unit:04X}")).collect())
            .unwrap_or_default();
        let mut objects = vec![
            (1, "<</Type/Catalog/Pages 2 0 R>>".to_owned(), None),
            (2, format!("<</Type/Pages/Kids[{kids}]/Count {}>>", pages.len()), None),
            (3, format!("<</Type/Font/Subtype/Type0/BaseFont/F/Encoding/Identity-H/DescendantFonts[4 0 R]{to_unicode}>>"), None),
            (4, "<</Type/Font/Subtype/CIDFontType2/BaseFont/F/CIDSystemInfo 7 0 R/FontDescriptor 5 0 R/DW 500>>".to_owned(), None),
            (5, "<</Type/FontDescriptor/FontName/F/Flags 4/FontBBox[0 0 9 9]/ItalicAngle 0/Ascent 9/Descent 0/CapHeight 9/StemV 9>>".to_owned(), None),
            (6, String::new(), Some(map)),
            (7, "<</Ordering/Identity/Supplement 0>>".to_owned(), None),
            (8, format!("<</Title<FEFF{title}>>>"), None),
        ];
        for (page, drawn) in pages.iter().enumerate() {
            let id = 10 + 2 * page;
            let resources = "/MediaBox[0 0 600 800]/Resources<</Font<</F 3 0 R>>/XObject<</I 9 0 R>>>>";
            objects.push((
                id,
                format!("<</Type/Page/Parent 2 0 R{resources}/Contents {} 0 R>>", id + 1),
                None,
            ));
            let mut content = self.prefix.to_owned();
            for (x, y, size, text) in drawn {
                let code = |c: char| format!("{:04X}", letters.binary_search(&c).unwrap() + 1);
                let codes: String = text.chars().map(code).collect();
                content += &format!("BT /F {size} Tf 1 0 0 1 {x} {y} Tm <{codes}> Tj ET\n");
            }
            objects.push((id + 1, String::new(), Some(content)));
        }
        self.file(&objects)
    }

    fn file(&self, objects: &[(usize, String, Option<String>)]) -> Vec<u8> {
        let key = self.password.map(key);
        let mut out = b"%PDF-1.5\n%\xff\xff\xff\xff\n".to_vec();
        let mut places = Vec::new();
        for (id, dictionary, stream) in objects {
            if self.packed && stream.is_none() {
                continue;
            }
            places.push((*id, out.len()));
            match stream {
                None => out
                    .extend(format!("{id} 0 obj\n{}\nendobj\n", self.strings(*id, dictionary, key)).bytes()),
                Some(stream) => self.stream(&mut out, *id, "", stream.as_bytes(), key),
            }
        }
        let trailer = self.trailer();
        if self.packed {
            self.pack(&mut out, objects, places, &trailer);
            return out;
        }
        let start = out.len();
        out.extend(b"xref\n0 1\n0000000000 65535 f \n");
        for (id, at) in places {
            out.extend(format!("{id} 1\n{at:010} 00000 n \n").bytes());
        }
        out.extend(format!("trailer\n<<{trailer}>>\nstartxref\n{start}\n%%EOF\n").bytes());
        out
    }

    fn trailer(&self) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        let encrypt = self.password.map_or_else(String::new, |password| {
            let (owner, check) = (hex(&[7; 32]), hex(&rc4(&key(password), &PAD)));
            format!("/Encrypt<</Filter/Standard/V 1/R 2/O<{owner}>/U<{check}>/P -4>>/ID[<49><49>]")
        });
        format!("/Size 9999/Root 1 0 R/Info 8 0 R{encrypt}")
    }

    /// Strings are encrypted, too; the one that these files have stands in its object alone.
    fn strings(&self, id: usize, dictionary: &str, key: Option<[u8; 5]>) -> String {
        let (Some(key), Some((before, text))) = (key, dictionary.split_once("<FEFF")) else {
            return dictionary.to_owned();
        };
        let text = format!("FEFF{}", text.trim_end_matches('>'));
        let bytes: Vec<u8> = (0..text.len() / 2)
            .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        let hex: String = rc4(&object_key(key, id), &bytes)
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        format!("{before}<{hex}>>>")
    }

    fn stream(&self, out: &mut Vec<u8>, id: usize, more: &str, data: &[u8], key: Option<[u8; 5]>) {
        let (mut data, mut filter) = (data.to_vec(), "");
        if self.compressed {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&data).unwrap();
            data = encoder.finish().unwrap();
            filter = "/Filter/FlateDecode";
        }
        if let Some(key) = key {
            data = rc4(&object_key(key, id), &data);
        }
        out.extend(format!("{id} 0 obj\n<<{more}{filter}/Length {}>>\nstream\n", data.len()).bytes());
        out.extend(data);
        out.extend(b"\nendstream\nendobj\n");
    }

    /// ISO 32000-1, 7.5.7 and 7.5.8.
    fn pack(
        &self,
        out: &mut Vec<u8>,
        objects: &[(usize, String, Option<String>)],
        mut places: Vec<(usize, usize)>,
        trailer: &str,
    ) {
        const PACK: usize = 5_000;
        let (mut index, mut body, mut inside) = (String::new(), String::new(), Vec::new());
        for (id, dictionary, _) in objects.iter().filter(|(.., stream)| stream.is_none()) {
            index += &format!("{id} {} ", body.len());
            body += dictionary;
            body += " ";
            inside.push(*id);
        }
        places.push((PACK, out.len()));
        let more = format!("/Type/ObjStm/N {}/First {}", inside.len(), index.len());
        self.stream(out, PACK, &more, format!("{index}{body}").as_bytes(), None);
        let start = out.len();
        let mut table = Vec::new();
        let mut ranges = String::new();
        for (id, at) in places {
            ranges += &format!("{id} 1 ");
            table.push(1);
            table.extend((at as u32).to_be_bytes());
            table.push(0);
        }
        for (at, id) in inside.into_iter().enumerate() {
            ranges += &format!("{id} 1 ");
            table.push(2);
            table.extend((PACK as u32).to_be_bytes());
            table.push(at as u8);
        }
        let more = format!("/Type/XRef/W[1 4 1]/Index[{ranges}]{trailer}");
        self.stream(out, PACK + 1, &more, &table, None);
        out.extend(format!("startxref\n{start}\n%%EOF\n").bytes());
    }
}

fn key(password: &str) -> [u8; 5] {
    let padded: Vec<u8> = password.bytes().chain(PAD).take(32).collect();
    let hash = Md5::new()
        .chain_update(padded)
        .chain_update([7; 32])
        .chain_update((-4_i32).to_le_bytes())
        .chain_update(b"I")
        .finalize();
    hash[..5].try_into().unwrap()
}

fn object_key(key: [u8; 5], id: usize) -> Vec<u8> {
    let id = (id as u32).to_le_bytes();
    let hash = Md5::new()
        .chain_update(key)
        .chain_update(&id[..3])
        .chain_update([0, 0])
        .finalize();
    hash[..10].to_vec()
}

fn rc4(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut state: Vec<u8> = (0..=255).collect();
    let mut j = 0_usize;
    for i in 0..256 {
        j = (j + usize::from(state[i]) + usize::from(key[i % key.len()])) % 256;
        state.swap(i, j);
    }
    let (mut i, mut j) = (0_usize, 0_usize);
    data.iter()
        .map(|byte| {
            i = (i + 1) % 256;
            j = (j + usize::from(state[i])) % 256;
            state.swap(i, j);
            byte ^ state[(usize::from(state[i]) + usize::from(state[j])) % 256]
        })
        .collect()
}
