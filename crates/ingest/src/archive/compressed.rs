//! A compressed stream: a tar archive, a MediaWiki dump, or one file.

use std::io::{self, Read};

use super::Container;
use super::bounds::{self, Declared};
use super::dump;
use super::meter::Metered;
use super::method::Method;
use super::sniff::{self, BLOCK, RECORD};
use super::tar;
use super::visit::{End, Origin, Step, Visitor};

/// Walks the stream. `name` gives the path of the file in it, if it is no archive; `packed` is the stream's size.
pub(super) fn walk(
    method: Method,
    stream: &mut dyn Read,
    packed: u64,
    name: impl FnOnce(&mut Visitor<'_>) -> Step<Option<String>>,
    visitor: &mut Visitor<'_>,
) -> (Container, Step) {
    let opened = method.open(stream, visitor.limits());
    let mut stream = match opened {
        Ok(stream) => Metered::new(stream, visitor.meter().of_stream()),
        Err(error) => return (Container::Compressed, Err(End::of(&error))),
    };
    let head = match beginning(&mut stream) {
        Ok(head) => head,
        Err(error) => return (Container::Compressed, Err(End::of(&error))),
    };
    if sniff::is_tar(&head) {
        return (tar_in(method), tar::walk(head.chain(stream), visitor));
    }
    if dump::begins(&head) {
        return (Container::MediaWikiDump, dump::walk(head.chain(stream), visitor));
    }
    let declared = Declared {
        unpacked: 0,
        packed: Some(packed),
    };
    let step = visitor.count_entry().and_then(|()| match name(visitor)? {
        Some(path) => visitor.file(path, &mut head.chain(stream), declared, Origin::Stream),
        None => Ok(()),
    });
    (Container::Compressed, step)
}

/// Enough to tell what the stream holds: of zeros, whether they end as an empty archive does.
fn beginning(stream: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = bounds::head(stream, BLOCK as u64)?;
    if sniff::is_zeros(&head) {
        head.extend(bounds::head(stream, RECORD as u64)?);
    }
    Ok(head)
}

const fn tar_in(method: Method) -> Container {
    match method {
        Method::Gzip => Container::TarGz,
        Method::Bzip2 => Container::TarBz2,
        Method::Xz => Container::TarXz,
        Method::Zstd => Container::TarZst,
    }
}
