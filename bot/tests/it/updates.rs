//! What updates become on their way to the backend.

use nexus_api::UpdateEvent;
use nexus_bot::telegram::Me;
use nexus_bot::updates::{Mapped, Mapper};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn mapper() -> Mapper {
    Mapper {
        me: Me {
            id: 42,
            username: "docs_bot".to_owned(),
        },
        max_download_megabytes: 20,
    }
}

/// A message with more fields than these, in an update.
fn message(chat: &Value, fields: &Value) -> Value {
    let mut message = json!({
        "message_id": 5, "date": 0, "chat": chat,
        "from": {"id": 9, "is_bot": false, "first_name": "Анна", "username": "anna", "language_code": "ru"},
    });
    for (name, value) in fields.as_object().expect("fields are an object") {
        message[name] = value.clone();
    }
    json!({"update_id": 1, "message": message})
}

fn private(fields: &Value) -> Value {
    message(&json!({"id": 9, "type": "private"}), fields)
}

fn group(fields: &Value) -> Value {
    message(
        &json!({"id": -100, "type": "supergroup", "title": "Team"}),
        fields,
    )
}

fn event(update: &Value) -> Option<Value> {
    match mapper().map(update) {
        Mapped::Store { update, .. } => Some(serde_json::to_value(&update.event).expect("it can be written")),
        Mapped::Dropped => None,
        Mapped::Unknown { kind } => panic!("{kind} is not known: {update}"),
    }
}

fn mention(offset: usize) -> Value {
    json!([{"type": "mention", "offset": offset, "length": 9}])
}

#[test]
fn in_a_private_chat_everything_that_somebody_says_is_passed_on() {
    let cases = [
        (json!({"text": "how?"}), json!({"kind": "text", "text": "how?"})),
        (json!({"text": ""}), json!({"kind": "text", "text": ""})),
        (
            json!({"text": "/KB  docs"}),
            json!({"kind": "command", "name": "kb", "argument": "docs"}),
        ),
        (
            json!({"text": "/usr/bin?"}),
            json!({"kind": "text", "text": "/usr/bin?"}),
        ),
        (
            json!({"photo": [{}], "caption": "what is it"}),
            json!({"kind": "text", "text": "what is it"}),
        ),
        (
            json!({"photo": [{}]}),
            json!({"kind": "unsupported", "what": "photo"}),
        ),
        (
            json!({"sticker": {}}),
            json!({"kind": "unsupported", "what": "sticker"}),
        ),
        (
            json!({"voice": {}}),
            json!({"kind": "unsupported", "what": "voice"}),
        ),
        (
            json!({"video_note": {}}),
            json!({"kind": "unsupported", "what": "voice"}),
        ),
        (
            json!({"animation": {}, "document": {"file_id": "f", "file_unique_id": "u"}}),
            json!({"kind": "unsupported", "what": "video"}),
        ),
        (
            json!({"poll": {}}),
            json!({"kind": "unsupported", "what": "other"}),
        ),
        // A kind of entity that did not exist when this was written.
        (
            json!({"text": "at noon", "entities": [{"type": "date_time", "offset": 0, "length": 2}]}),
            json!({"kind": "text", "text": "at noon"}),
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(event(&private(&fields)), Some(expected), "{fields}");
    }
    assert_eq!(event(&private(&json!({"pinned_message": {}}))), None);
    assert_eq!(
        event(&private(
            &json!({"text": "?", "from": {"id": 8, "is_bot": true, "first_name": "b"}})
        )),
        None
    );
    assert_eq!(event(&private(&json!({"text": "?", "from": null}))), None);
}

#[test]
fn in_a_group_only_what_is_addressed_is_passed_on() {
    let text = |text: &str| Some(json!({"kind": "text", "text": text}));
    assert_eq!(event(&group(&json!({"text": "hello all"}))), None);
    let named = json!({"text": "@docs_bot how?", "entities": mention(0)});
    assert_eq!(event(&group(&named)), text("how?"));
    // Written like a name, and none to Telegram.
    assert_eq!(event(&group(&json!({"text": "x@docs_bot how?"}))), None);
    let reply = json!({"text": "and now?", "reply_to_message": {
        "message_id": 4, "chat": {"id": -100, "type": "supergroup"}, "from": {"id": 42, "is_bot": true, "first_name": "d"}}});
    assert_eq!(event(&group(&reply)), text("and now?"));
    let mut topic = reply;
    topic["reply_to_message"]["forum_topic_created"] = json!({"name": "t"});
    assert_eq!(event(&group(&topic)), None);

    let command = json!({"kind": "command", "name": "help", "argument": ""});
    assert_eq!(event(&group(&json!({"text": "/help"}))), Some(command.clone()));
    assert_eq!(event(&group(&json!({"text": "/help@Docs_Bot"}))), Some(command));
    assert_eq!(event(&group(&json!({"text": "/help@other_bot"}))), None);
    assert_eq!(event(&group(&json!({"photo": [{}]}))), None);
    let anonymous = json!({"text": "@docs_bot ?", "entities": mention(0), "sender_chat": {"id": -100, "type": "supergroup"}});
    assert_eq!(event(&group(&anonymous)), None);
}

#[test]
fn a_topic_is_told_from_a_thread_of_replies() {
    let named = |is_topic: bool| {
        let fields = json!({"text": "@docs_bot ?", "entities": mention(0), "message_thread_id": 3, "is_topic_message": is_topic});
        match mapper().map(&group(&fields)) {
            Mapped::Store { update, .. } => update.topic_id,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(named(true), Some(3));
    assert_eq!(named(false), None);
}

#[test]
fn files_have_a_name_and_are_measured() {
    let document = |name: Value, size: u64| json!({"document": {"file_id": "f", "file_unique_id": "u", "file_name": name, "file_size": size}});
    let file = event(&private(&document(json!("a\nb.zip"), 20 << 20))).unwrap();
    assert_eq!(file["file_name"], "ab.zip");
    assert_eq!(file["is_too_large"], false);
    let file = event(&private(&document(Value::Null, (20 << 20) + 1))).unwrap();
    assert_eq!(file["file_name"], "file");
    assert_eq!(
        (&file["is_too_large"], &file["limit_megabytes"]),
        (&json!(true), &json!(20))
    );
    let captioned = json!({"document": {"file_id": "f", "file_unique_id": "u"}, "caption": "/kb"});
    assert_eq!(event(&private(&captioned)).unwrap()["kind"], "file");
}

#[test]
fn a_whole_update_looks_like_this() {
    let update = group(&json!({"text": "@docs_bot how?", "entities": mention(0)}));
    let Mapped::Store { update, callback } = mapper().map(&update) else {
        panic!("it is for us");
    };
    assert_eq!(callback, None);
    insta::assert_json_snapshot!(update);
}

#[test]
fn what_happens_to_chats_is_passed_on() {
    let member = |status: &str| {
        json!({"update_id": 1, "my_chat_member": {
            "chat": {"id": 9, "type": "private"}, "from": {"id": 9, "first_name": "A"}, "date": 0,
            "old_chat_member": {"status": "member", "user": {}}, "new_chat_member": {"status": status, "user": {}}}})
    };
    assert_eq!(event(&member("kicked")), Some(json!({"kind": "left"})));
    assert_eq!(event(&member("member")), Some(json!({"kind": "joined"})));
    assert_eq!(event(&member("something")), None);
    let moved = group(&json!({"migrate_to_chat_id": -1_005, "from": null}));
    assert_eq!(event(&moved), Some(json!({"kind": "migrated", "to": -1_005})));
    let mut edited = private(&json!({"text": "better?"}));
    edited["edited_message"] = edited.as_object_mut().unwrap().remove("message").unwrap();
    assert_eq!(event(&edited), Some(json!({"kind": "edit", "text": "better?"})));
}

#[test]
fn a_button_is_passed_on_whatever_it_carries() {
    let press = |data: &str| {
        json!({"update_id": 1, "callback_query": {
        "id": "q", "from": {"id": 9, "first_name": "A"}, "data": data,
        "message": {"message_id": 3, "date": 0, "chat": {"id": 9, "type": "private"}}}})
    };
    let Mapped::Store { update, callback } = mapper().map(&press(&"щ".repeat(60))) else {
        panic!("it is for us");
    };
    assert_eq!(callback.as_deref(), Some("q"));
    assert_eq!(update.message_id, Some(3));
    assert_eq!(
        update.event,
        UpdateEvent::Button {
            token: "щ".repeat(32)
        }
    );
}

/// JSON made of the words that updates are made of.
fn junk() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "(private|group|mention|/start|@docs_bot|[\\PC]{0,8})".prop_map(Value::from),
    ];
    let names = "(message|edited_message|callback_query|my_chat_member|chat|from|id|type|text|caption|entities|offset|length|\
                 document|file_id|file_unique_id|message_id|update_id|reply_to_message|data|new_chat_member|status)";
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(names, inner, 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn junk_is_survived(update in junk()) {
        mapper().map(&update);
    }

    #[test]
    fn limits_of_the_contract_hold(
        text in "\\PC{0,200}",
        repeat in 1_usize..40,
        offset in 0_usize..300,
        length in 0_usize..300,
        name in "\\PC{0,300}",
    ) {
        let text = text.repeat(repeat);
        let fields = json!({
            "text": text, "entities": [{"type": "mention", "offset": offset, "length": length}],
            "from": {"id": 9, "first_name": name, "last_name": name, "username": name, "language_code": name},
        });
        if let Mapped::Store { update, .. } = mapper().map(&private(&fields)) {
            let from = update.from.unwrap();
            prop_assert!(from.first_name.chars().count() <= 64);
            prop_assert!(from.username.is_none_or(|name| name.chars().count() <= 32));
            prop_assert!(from.language_code.is_none_or(|code| code.chars().count() <= 35));
            match update.event {
                UpdateEvent::Text { text } => prop_assert!(text.chars().count() <= 4_096),
                UpdateEvent::Command { name, argument } => {
                    prop_assert!(name.len() <= 64 && argument.chars().count() <= 4_096);
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }
}
