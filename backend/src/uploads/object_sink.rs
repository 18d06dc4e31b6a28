//! An object that is being written: one request where it is small, parts of equal size where it is not.

use std::sync::Arc;

use nexus_domain::UploadId;
use object_store::multipart::PartId;
use object_store::{MultipartId, ObjectStoreExt as _};
use tokio::task::JoinSet;

use super::UploadsError;
use super::objects::{Objects, abort_or_say, in_background};
use crate::error_chain::chain;

/// Parts on their way, besides the one that is filled.
const PARTS_IN_FLIGHT: usize = 2;

#[derive(Debug)]
pub struct ObjectSink {
    objects: Objects,
    id: UploadId,
    part: Vec<u8>,
    multipart: Option<Multipart>,
}

/// A multipart upload. Dropped before it is complete, it is given up.
#[derive(Debug)]
struct Multipart {
    objects: Objects,
    id: UploadId,
    name: MultipartId,
    begun: usize,
    sent: Vec<(usize, PartId)>,
    in_flight: JoinSet<Result<(usize, PartId), object_store::Error>>,
    is_complete: bool,
}

impl ObjectSink {
    pub(super) fn new(objects: Objects, id: UploadId) -> Self {
        Self {
            objects,
            id,
            part: Vec::new(),
            multipart: None,
        }
    }

    pub(super) async fn write(&mut self, mut piece: &[u8]) -> Result<(), UploadsError> {
        while !piece.is_empty() {
            let room = self.objects.part_bytes - self.part.len();
            if room == 0 {
                self.send().await?;
                continue;
            }
            let (now, later) = piece.split_at(room.min(piece.len()));
            self.part.extend_from_slice(now);
            piece = later;
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<(), UploadsError> {
        let multipart = match &mut self.multipart {
            Some(multipart) => multipart,
            none => none.insert(Multipart::begin(self.objects.clone(), self.id).await?),
        };
        let next = Vec::with_capacity(self.objects.part_bytes);
        multipart.send(std::mem::replace(&mut self.part, next)).await
    }

    pub(super) async fn finish(mut self) -> Result<(Objects, UploadId), UploadsError> {
        if self.multipart.is_some() {
            self.send().await?;
        }
        match self.multipart {
            Some(multipart) => multipart.complete().await?,
            None => {
                let file = self.objects.file(self.id);
                self.objects.store.put(&file, self.part.into()).await?;
            }
        }
        Ok((self.objects, self.id))
    }
}

impl Multipart {
    async fn begin(objects: Objects, id: UploadId) -> Result<Self, UploadsError> {
        let name = objects.store.create_multipart(&objects.file(id)).await?;
        let multipart = Self {
            objects,
            id,
            name: name.clone(),
            begun: 0,
            sent: Vec::new(),
            in_flight: JoinSet::new(),
            is_complete: false,
        };
        let begun = multipart.objects.begun(id);
        multipart.objects.store.put(&begun, name.into()).await?;
        Ok(multipart)
    }

    async fn send(&mut self, part: Vec<u8>) -> Result<(), UploadsError> {
        while self.in_flight.len() >= PARTS_IN_FLIGHT {
            self.sent().await?;
        }
        let (store, name) = (Arc::clone(&self.objects.store), self.name.clone());
        let (file, number) = (self.objects.file(self.id), self.begun);
        self.begun += 1;
        self.in_flight.spawn(async move {
            let part = store.put_part(&file, &name, number, part.into()).await?;
            Ok((number, part))
        });
        Ok(())
    }

    /// Waits for one part.
    async fn sent(&mut self) -> Result<(), UploadsError> {
        match self.in_flight.join_next().await {
            Some(Ok(part)) => self.sent.push(part?),
            Some(Err(error)) => return Err(UploadsError::Failed(error.into())),
            None => {}
        }
        Ok(())
    }

    async fn complete(mut self) -> Result<(), UploadsError> {
        while !self.in_flight.is_empty() {
            self.sent().await?;
        }
        self.sent.sort_unstable_by_key(|(number, _)| *number);
        let parts = self.sent.drain(..).map(|(_, part)| part).collect();
        let file = self.objects.file(self.id);
        let store = Arc::clone(&self.objects.store);
        store.complete_multipart(&file, &self.name, parts).await?;
        self.is_complete = true;
        // One that stays is removed by a sweep.
        if let Err(error) = store.delete(&self.objects.begun(self.id)).await {
            tracing::warn!(upload = %self.id, cause = chain(&error), "an upload's beginning could not be forgotten");
        }
        Ok(())
    }
}

impl Drop for Multipart {
    fn drop(&mut self) {
        if self.is_complete {
            return;
        }
        let mut in_flight = std::mem::take(&mut self.in_flight);
        let (objects, id, name) = (self.objects.clone(), self.id, self.name.clone());
        in_background(async move {
            // A part that arrives after the end would stay.
            in_flight.shutdown().await;
            abort_or_say(objects, id, name).await;
        });
    }
}
