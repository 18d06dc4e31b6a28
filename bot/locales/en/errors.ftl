# What happened, and what to do next.

error-invalid-request = I could not pass your message on. Please try again in other words.
error-unauthorized = The server does not recognise this bot. Please tell its administrator.
error-token-expired = The bot’s access to the server has expired. Please tell its administrator.
error-token-revoked = The bot’s access to the server was withdrawn. Please tell its administrator.
error-signature-required = The bot is not set up correctly: its requests must be signed. Please tell its administrator.
error-signature-invalid = The server did not accept the bot’s signature. Please tell its administrator.
error-replayed = This request has been used before. Please begin again.
error-init-data-invalid = Sign-in did not work. Please close the app and open it again from the chat.
error-init-data-signature-invalid = Telegram’s signature is missing. Please close the app and open it again from the chat.
error-login-widget-invalid = Sign-in through Telegram did not work. Please sign in once more.
error-id-token-invalid = Sign-in did not work. Please sign in once more.
error-user-blocked = You are blocked, so I cannot answer you. If this is a mistake, please write to an administrator.
error-bot-disabled = This bot is turned off for now. Please come back later.
error-address-not-allowed = The server does not take requests from the bot’s address. Please tell its administrator.
error-csrf-failed = The page is out of date. Please reload it and try again.
error-forbidden = You do not have the right to do this. Please ask an administrator for access.
error-conflicting-identity = I could not tell who is asking. Please begin again with /start.
error-not-found = I cannot find this: it is gone, or not open to you.
error-method-not-allowed = The bot and the server do not fit together. Please tell the administrator: an update may be due.
error-request-timeout = Your message took too long to arrive. Please send it again.
error-already-exists = This name is taken. Please choose another one.
error-task-state = This is not possible now: the state of the task has changed. Please look at its card.
error-generation-state = This is not possible now: the index has just changed. Please try again a little later.
error-idempotency-in-progress = I am still working on this request. Please wait a moment.
error-no-embedder = Search by meaning is not set up here. Please use search by words.
error-no-chat-model = No language model is set up here. Please ask a knowledge base instead.
error-last-admin = One administrator must remain. Please appoint another one first.
error-bot-lease-held = Another process serves this bot already. Please tell its administrator.
error-lease-lost = Somebody else has taken this over. Nothing is lost; please wait a moment.
error-delivery-state = This is not possible now: the state of the message has changed. Please look at it again.
error-precondition-failed = Somebody changed this in the meantime. Please look at it again and repeat your change.
error-payload-too-large = This is too large. Please send it in smaller pieces.
error-unsupported-media-type = I cannot take this kind of file. Please send a document or an archive.
error-validation-failed = Something in this cannot be used. Please check it and try again.
error-idempotency-mismatch = This action has been used for something else. Please begin again.
error-precondition-required = The version of what is to be changed is missing. Please open it again and repeat your change.
error-quota-exceeded = The limit for today is reached.
error-too-many-requests = Too many requests at once. Please give me a short break.
error-internal = Something broke on our side. Please try again; if it happens once more, tell an administrator.
error-unavailable = A part of the server is away for the moment. Please try again a little later.
error-insufficient-storage = The server has no room for files left. Please tell an administrator.

come-back-in = Please come back in { $time }.
reference = Reference for the administrator:
limit-questions =
    { $count ->
        [one] Up to { $count } question a day is possible.
       *[other] Up to { $count } questions a day are possible.
    }
limit-tokens =
    { $count ->
        [one] The language model may read and write up to { $count } token a day.
       *[other] The language model may read and write up to { $count } tokens a day.
    }
limit-uploads = Up to { $count } MB of files a day are possible.
limit-cost = The language model may cost up to { $amount } a day.
limit-monthly-cost = The language model may cost up to { $amount } a month.
decimal-mark = .
monthly-limit = The limit for this month is reached.
seconds =
    { $count ->
        [one] { $count } second
       *[other] { $count } seconds
    }
minutes =
    { $count ->
        [one] { $count } minute
       *[other] { $count } minutes
    }
hours =
    { $count ->
        [one] { $count } hour
       *[other] { $count } hours
    }
days =
    { $count ->
        [one] { $count } day
       *[other] { $count } days
    }
