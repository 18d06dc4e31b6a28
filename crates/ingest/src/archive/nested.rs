//! An archive inside the upload's archive: walked as if it were a folder. One inside of that is told and left alone, so
//! an archive that holds itself comes to an end.

use std::io::{Read, Write as _};

use nexus_domain::ProblemCode;

use super::bounds::Declared;
use super::disk::Disk;
use super::sniff::{self, Format};
use super::visit::{End, Step, Visitor};
use super::{compressed, dump, seven, tar, zip};

/// Walks the archive that `stream` holds. `dyn`, because its files come back here.
pub(super) fn open(
    format: Format,
    path: String,
    stream: &mut dyn Read,
    declared: Declared,
    visitor: &mut Visitor<'_>,
) -> Step {
    if visitor.is_inside() && format != Format::Dump {
        let why = format!("A {} archive two archives deep is not opened", format.name());
        return visitor.problem(path, ProblemCode::NestedArchive, why);
    }
    let packed = declared.packed.unwrap_or(declared.unpacked);
    match format {
        Format::Unread(name) => {
            let (code, why) = sniff::not_read(name);
            visitor.problem(path, code, why)
        }
        // It holds pages and nothing that could hold it, so it is read at any depth.
        Format::Dump => visitor.within(path, |visitor| dump::walk(stream, visitor)),
        Format::Tar => visitor.enter(path, packed, |visitor| tar::walk(stream, visitor)),
        Format::Stream(method) => {
            let inner = method.inner_name(&path).to_owned();
            let is_renamed = inner != path;
            // The packed file's path is taken already, by itself.
            let name = move |visitor: &mut Visitor<'_>| match is_renamed {
                true => visitor.first_of(inner),
                false => Ok(Some(inner)),
            };
            visitor.enter(path, packed, |visitor| {
                compressed::walk(method, stream, packed, name, visitor).1
            })
        }
        Format::Zip => visitor.enter(path.clone(), packed, |visitor| {
            let disk = to_disk(stream, visitor)?;
            match zip::is_document(&disk, &path) {
                true => visitor.document(path, disk, packed),
                false => zip::walk(&disk, visitor),
            }
        }),
        Format::SevenZ => visitor.enter(path, packed, |visitor| {
            seven::walk(&to_disk(stream, visitor)?, visitor)
        }),
    }
}

/// Puts an archive that is read from its end into a file without a name, beside the upload: a crash leaves nothing.
fn to_disk(stream: &mut dyn Read, visitor: &Visitor<'_>) -> Step<Disk> {
    let allowed = visitor.limits().packed_bytes;
    let mut file = tempfile::tempfile_in(visitor.folder()).map_err(End::Disk)?;
    let mut piece = vec![0; 64 << 10];
    let mut size = 0;
    loop {
        let count = match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(End::of(&error)),
        };
        size += count as u64;
        if size > allowed {
            let why = format!("{size} bytes or more, {allowed} are allowed for an archive");
            return Err(End::Cut(ProblemCode::TooLarge, why));
        }
        file.write_all(&piece[..count]).map_err(End::Disk)?;
    }
    Disk::of(file).map_err(End::Disk)
}
