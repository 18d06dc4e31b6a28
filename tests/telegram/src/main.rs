//! A chat with a bot on the console, without Telegram.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use telegram_simulator::{Author, Chat, Limits, Options, Seen, Telegram, Upload, User};
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};

/// Try a bot by hand: start this, and the bot with this server as its Bot API. What you type is sent to it.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the Bot API listens.
    #[arg(long, default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// The token that the bot uses; any number, a colon and some letters.
    #[arg(long, default_value = "123456:simulated")]
    token: String,
    #[arg(long, default_value = "nexus_bot")]
    username: String,
    /// Your name.
    #[arg(long, default_value = "Anna")]
    name: String,
    /// The language of your app.
    #[arg(long, default_value = "en")]
    language: String,
}

const HELP: &str = "What you type is sent to the bot.
:press N      press a button, by the number shown before it
:edit TEXT    change your last message
:file PATH    send a file
:block, :unblock
:help, :quit";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let is_token = arguments
        .token
        .split_once(':')
        .is_some_and(|(id, secret)| id.parse::<i64>().is_ok() && !secret.is_empty());
    anyhow::ensure!(is_token, "a token is a number, a colon and some letters");
    let telegram = Telegram::start(Options {
        listen: arguments.listen,
        limits: Limits::none(),
        ..Options::default()
    })
    .with_context(|| format!("cannot listen at {}", arguments.listen))?;
    let bot = telegram.add_bot(&arguments.token, &arguments.username);
    let user = telegram.user(1001, &arguments.name, &arguments.language);
    println!("The Bot API is at {}. {HELP}", telegram.address());
    let mut console = Console {
        chat: bot.chat_with(&user),
        user,
        shown: Vec::new(),
        buttons: Vec::new(),
        last: None,
    };
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) if line.trim() != ":quit" => match line.trim() {
                    ":block" => console.user.blocks(&bot),
                    ":unblock" => console.user.unblocks(&bot),
                    line => console.takes(line).await,
                },
                _ => return Ok(()),
            },
            () = console.changes(&telegram) => console.shows(),
        }
    }
}

struct Console {
    chat: Chat,
    user: User,
    /// What has been printed of each message.
    shown: Vec<Seen>,
    /// Buttons that can be pressed: a message and the button's data.
    buttons: Vec<(i64, String)>,
    /// The person's last message.
    last: Option<i64>,
}

impl Console {
    async fn takes(&mut self, line: &str) {
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        match command {
            "" => {}
            ":help" => println!("{HELP}"),
            ":press" => {
                let number = rest.trim().parse::<usize>().ok();
                match number.and_then(|number| self.buttons.get(number.checked_sub(1)?)) {
                    Some((message, data)) => drop(self.user.presses_data(&self.chat, *message, data)),
                    None => println!("There is no such button."),
                }
            }
            ":edit" => match self.last {
                Some(last) => {
                    if let Err(error) = self.user.edits(&self.chat, last, rest) {
                        println!("{error}");
                    }
                }
                None => println!("You have written nothing yet."),
            },
            ":file" => match tokio::fs::read(rest).await {
                Ok(content) => {
                    let name = rest.rsplit('/').next().unwrap_or(rest);
                    self.user.sends_document(&self.chat, &Upload::new(name, content));
                }
                Err(error) => println!("{rest} cannot be read: {error}"),
            },
            _ => self.last = Some(self.user.writes(&self.chat, line)),
        }
    }

    /// Until there is something that was not printed.
    async fn changes(&self, telegram: &Telegram) {
        let is_new = || self.of_bot() != self.shown;
        while telegram
            .wait_until(is_new, Duration::from_secs(60))
            .await
            .is_err()
        {}
    }

    fn of_bot(&self) -> Vec<Seen> {
        let mut messages = self.chat.all_messages();
        messages.retain(|message| matches!(message.author, Author::Bot(_)));
        messages
    }

    fn shows(&mut self) {
        let messages = self.of_bot();
        for message in &messages {
            let before = self.shown.iter().find(|shown| shown.id == message.id);
            if before == Some(message) {
                continue;
            }
            match before {
                _ if message.is_deleted => println!("[{} deleted]", message.id),
                None => println!("[{}] {}", message.id, message.text),
                Some(_) => println!("[{} edited] {}", message.id, message.text),
            }
            self.shows_buttons(message);
        }
        self.shown = messages;
    }

    fn shows_buttons(&mut self, message: &Seen) {
        for button in message.keyboard.iter().flatten().filter(|_| !message.is_deleted) {
            match (&button.data, &button.url) {
                (Some(data), _) => {
                    let place = (message.id, data.clone());
                    let known = self.buttons.iter().position(|button| *button == place);
                    let number = known.unwrap_or_else(|| {
                        self.buttons.push(place);
                        self.buttons.len() - 1
                    });
                    println!("    ({}) {}", number + 1, button.text);
                }
                (None, Some(url)) => println!("    {}: {url}", button.text),
                (None, None) => {}
            }
        }
    }
}
