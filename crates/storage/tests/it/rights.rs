use nexus_domain::{BotId, KbId, KbRole, KnowledgeBase, ServiceTokenId, SessionId, UserId, Visibility};
use nexus_storage::{Db, SessionRow, SessionStanding, TokenStanding};

use crate::people::{new_session, new_token, stored_bot, stored_user};
use crate::support::{at, new_kb, stored_kb};

on_both_databases! {
    grants_are_those_of_the_person_of_everyone_and_of_the_bot
    a_deleted_knowledge_base_is_granted_to_nobody
    a_session_comes_with_its_person_and_whether_its_bot_is_active
    a_token_comes_with_its_bot
}

async fn open_kb(db: &Db, name: &str) -> KbId {
    let kb = KnowledgeBase {
        visibility: Visibility::Everyone,
        ..new_kb(name)
    };
    in_tx!(db, |tx| tx.knowledge_bases().insert(&kb));
    kb.id
}

async fn grants(db: &Db, user: Option<UserId>, bot: Option<BotId>) -> Vec<(KbId, KbRole)> {
    let mut grants = db.rights().grants(user, bot).await.unwrap();
    grants.sort_unstable();
    grants
}

async fn grants_are_those_of_the_person_of_everyone_and_of_the_bot(db: &Db) {
    let (user, stranger) = (stored_user(db, 7).await, stored_user(db, 8).await);
    let (bot, other) = (stored_bot(db, "docs").await, stored_bot(db, "other").await);
    let own = stored_kb(db, "own").await;
    let of_bot = stored_kb(db, "of the bot").await;
    let open = open_kb(db, "open").await;
    stored_kb(db, "of nobody").await;
    in_tx!(db, |tx| tx.members().set(own, user, KbRole::Editor, at(1)));
    in_tx!(db, |tx| tx.members().set(open, user, KbRole::Owner, at(1)));
    in_tx!(db, |tx| tx.kb_bots().add(of_bot, bot, at(1)));

    let (to_all, to_bot) = ((open, KbRole::Reader), (of_bot, KbRole::Reader));
    let to_user = [(own, KbRole::Editor), to_all, (open, KbRole::Owner)];
    assert_eq!(grants(db, None, None).await, [to_all]);
    assert_eq!(grants(db, Some(stranger), Some(other)).await, [to_all]);
    assert_eq!(grants(db, None, Some(bot)).await, [to_bot, to_all]);
    assert_eq!(grants(db, Some(user), None).await, to_user);
    assert_eq!(
        grants(db, Some(user), Some(bot)).await,
        [to_user[0], to_bot, to_user[1], to_user[2]]
    );
}

async fn a_deleted_knowledge_base_is_granted_to_nobody(db: &Db) {
    let (user, bot) = (stored_user(db, 7).await, stored_bot(db, "docs").await);
    for kb in [stored_kb(db, "closed").await, open_kb(db, "open").await] {
        in_tx!(db, |tx| tx.members().set(kb, user, KbRole::Owner, at(1)));
        in_tx!(db, |tx| tx.kb_bots().add(kb, bot, at(1)));
        assert!(!grants(db, Some(user), Some(bot)).await.is_empty());
        in_tx!(db, |tx| tx.knowledge_bases().delete(kb, at(2)));
    }
    assert_eq!(grants(db, Some(user), Some(bot)).await, []);
}

async fn a_session_comes_with_its_person_and_whether_its_bot_is_active(db: &Db) {
    let (user, bot) = (stored_user(db, 7).await, stored_bot(db, "docs").await);
    // What both rows have is told apart.
    let browser = SessionRow {
        csrf_hash: Some([9; 32]),
        created_at: at(40),
        revoked_at: Some(at(50)),
        ..new_session(user, None)
    };
    let inside = new_session(user, Some(bot));
    for session in [&browser, &inside] {
        in_tx!(db, |tx| tx.sessions().insert(session));
    }
    let user = db.users().get(user).await.unwrap().unwrap();
    let standing = |session: &SessionRow, bot_is_active| SessionStanding {
        session: session.clone(),
        user: user.clone(),
        bot_is_active,
    };
    let read = async |id| db.rights().session(id).await.unwrap();
    assert_eq!(read(browser.id).await, Some(standing(&browser, None)));
    assert_eq!(read(inside.id).await, Some(standing(&inside, Some(true))));
    in_tx!(db, |tx| tx.bots().set_active(bot, false, at(2)));
    assert_eq!(read(inside.id).await, Some(standing(&inside, Some(false))));
    assert_eq!(read(SessionId::new(at(0))).await, None);
}

async fn a_token_comes_with_its_bot(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    let mut token = new_token(bot);
    token.created_at = at(40);
    in_tx!(db, |tx| tx.service_tokens().insert(&token));
    in_tx!(db, |tx| tx.service_tokens().revoke(bot, token.id, at(50)));
    in_tx!(db, |tx| tx.bots().set_signing_secret(
        bot,
        Some("v1.k.abc"),
        at(2)
    ));
    token.revoked_at = Some(at(50));
    let standing = TokenStanding {
        token: token.clone(),
        bot: db.bots().get(bot).await.unwrap().unwrap(),
    };
    assert!(standing.bot.signs_requests && !standing.bot.has_telegram_token);
    assert_eq!(db.rights().token(token.id).await.unwrap(), Some(standing));
    assert_eq!(db.rights().token(ServiceTokenId::new(at(0))).await.unwrap(), None);
    in_tx!(db, |tx| tx.bots().delete(bot, at(60)));
    assert_eq!(db.rights().token(token.id).await.unwrap(), None);
}
