use super::*;
use crate::id::{ApiKeyId, BotId, ServiceTokenId, SessionId, UserId};
use crate::time::Timestamp;
use crate::user::TelegramId;

const AT: Timestamp = Timestamp::from_micros(1);

fn key(role: Role) -> Standing {
    Standing::of_key(ApiKeyId::new(AT), role)
}

fn person(role: Role, ceiling: Role, grants: &[(KbId, KbRole)]) -> Access {
    let by = PersonBy::Session {
        session: SessionId::new(AT),
        bot: None,
    };
    Access::decide(Standing {
        caller: Caller::Person(PersonCaller {
            user: UserId::new(AT),
            telegram_id: TelegramId::new(7).unwrap(),
            by,
        }),
        role,
        ceiling,
        scopes: Scopes::ALL,
        reach: Reach::Granted(grants.to_vec()),
    })
}

#[test]
fn a_filter_never_holds_a_knowledge_base_that_the_caller_does_not_see() {
    let (open, closed) = (KbId::new(AT), KbId::new(AT));
    let access = Access::decide(key(Role::Reader)).restricted_to([open]);
    assert_eq!(access.filter([open, closed]).kbs().collect::<Vec<_>>(), [open]);
    assert!(access.filter([closed]).is_empty());
    assert!(
        !access.restricted_to([closed]).sees(open),
        "narrowing never widens"
    );
}

#[test]
fn a_role_includes_the_ones_below_it() {
    let editor = Access::decide(key(Role::Editor));
    assert!(editor.require(Role::Reader, Scope::Ask).is_ok());
    assert_eq!(
        editor.require(Role::Admin, Scope::Manage),
        Err(Denied::Role(Role::Admin))
    );
}

#[test]
fn the_highest_of_several_grants_counts_and_others_are_not_touched() {
    let (kb, other, foreign) = (KbId::new(AT), KbId::new(AT), KbId::new(AT));
    let grants = [
        (kb, KbRole::Reader),
        (kb, KbRole::Editor),
        (kb, KbRole::Reader),
        (other, KbRole::Reader),
    ];
    let access = person(Role::Reader, Role::Admin, &grants);
    assert_eq!(access.role_in(kb), Some(KbRole::Editor));
    assert_eq!(access.role_in(other), Some(KbRole::Reader));
    assert_eq!(access.role_in(foreign), None);
    assert!(access.require_in(kb, KbRole::Editor, Scope::Ingest).is_ok());
    assert_eq!(
        access.require_in(other, KbRole::Editor, Scope::Ingest),
        Err(Denied::KbRole(KbRole::Editor))
    );
    assert!(access.require_in(foreign, KbRole::Reader, Scope::Read).is_err());
}

#[test]
fn an_admin_owns_everything_unless_the_way_here_is_capped() {
    let kb = KbId::new(AT);
    assert_eq!(
        person(Role::Admin, Role::Admin, &[]).role_in(kb),
        Some(KbRole::Owner)
    );
    let capped = person(Role::Admin, Role::Editor, &[(kb, KbRole::Owner)]);
    assert_eq!(capped.role_in(kb), Some(KbRole::Editor));
    assert_eq!(capped.role_in(KbId::new(AT)), None);
    assert!(capped.require(Role::Admin, Scope::Manage).is_err());
    let reading = person(Role::Editor, Role::Reader, &[(kb, KbRole::Owner)]);
    assert_eq!(reading.role_in(kb), Some(KbRole::Reader));
}

#[test]
fn a_key_for_some_knowledge_bases_has_no_rights_outside_of_them() {
    let (kb, foreign) = (KbId::new(AT), KbId::new(AT));
    let access = Access::decide(Standing {
        reach: Reach::These(vec![kb]),
        ..key(Role::Admin)
    });
    assert_eq!(access.role_in(kb), Some(KbRole::Owner));
    assert!(!access.sees(foreign));
    assert!(access.require(Role::Admin, Scope::Users).is_err());
    assert!(access.require(Role::Editor, Scope::Manage).is_err());
    assert!(access.require(Role::Reader, Scope::Ask).is_ok());
}

#[test]
fn a_scope_that_a_key_lacks_closes_its_area() {
    let access = Access::decide(Standing {
        scopes: [Scope::Ask].into_iter().collect(),
        ..key(Role::Admin)
    });
    assert!(access.require(Role::Reader, Scope::Ask).is_ok());
    assert_eq!(
        access.require(Role::Reader, Scope::Read),
        Err(Denied::Scope(Scope::Read))
    );
    let kb = KbId::new(AT);
    assert_eq!(
        access.require_in(kb, KbRole::Reader, Scope::Ingest),
        Err(Denied::Scope(Scope::Ingest))
    );
}

#[test]
fn a_bot_is_found_behind_those_that_it_names() {
    let caller = BotCaller {
        bot: BotId::new(AT),
        token: ServiceTokenId::new(AT),
    };
    let person = Caller::Person(PersonCaller {
        user: UserId::new(AT),
        telegram_id: TelegramId::new(7).unwrap(),
        by: PersonBy::Bot(caller),
    });
    assert_eq!(
        (person.kind(), person.bot()),
        (CallerKind::Person, Some(caller.bot))
    );
    assert_eq!(Caller::Bot(caller).kind(), CallerKind::Bot);
    assert_eq!(Caller::Public.bot(), None);
}
