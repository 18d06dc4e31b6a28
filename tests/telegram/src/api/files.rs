//! Files that people have sent.

use serde_json::json;

use super::{Answer, Call, Refused};

pub(super) fn get(call: &mut Call<'_>) -> Answer {
    let id = call.params.text("file_id");
    if id.is_empty() {
        return Err(Refused::bad("file_id not specified"));
    }
    let Some(file) = call.world.files.get(&id) else {
        return Err(Refused::bad("invalid file_id"));
    };
    if file.size > call.world.options.download_limit {
        return Err(Refused::bad("file is too big"));
    }
    Ok(json!({
        "file_id": file.id,
        "file_unique_id": file.unique_id,
        "file_size": file.size,
        "file_path": file.path,
    }))
}
