# What the bot says in a conversation.

start =
    Hello! I answer questions from knowledge bases and show where each answer comes from.

    Just write your question. /help shows what else I can do.
help =
    Ask me anything in your own words. Below an answer you find its sources: open them to see the exact quotes.

    /kb – choose knowledge bases
    /new – start a new conversation
    /refresh – fetch fresh data
    /lang – change the language
    /settings – settings
    /cancel – stop what is going on

    If there is no answer, I tell you once when there is one; /settings turns that off with the other notices.

    In a group, mention me or reply to one of my messages. Editors can send files and archives: I will ask where to put them.
command-help = What I can do
command-kb = Choose knowledge bases
command-new = Start a new conversation
command-refresh = Fetch fresh data
command-lang = Change the language
command-settings = Settings
command-cancel = Stop what is going on
unknown-command = I do not know this command. /help lists those I know.
forgotten = Done: this is a new conversation, and I have forgotten the old one. What would you like to know?
text-deleted = What stood here has been deleted from the knowledge base. Ask again, and I will look at what is there now.
refreshed = Done: I have fetched fresh data and forgotten the conversation.
cancelled = Cancelled.
nothing-to-cancel = There is nothing to cancel.

thinking = 🔎 Looking for an answer…
backend-away = The server is away for the moment. Your question is kept, and I will answer as soon as the server is back. No need to send it again.
backend-back = The server is back. Here is my answer.
empty-question = There is no question in this message. Please write it in words.
question-too-long = This question is too long: I read up to { $limit } characters. Please shorten it, or send the text as a file.
too-fast = You write faster than I can answer. Your questions are kept; I answer them one by one.
answer-lost = I could not answer this question. Please ask it again.
group-hint = In groups I answer when you mention { $bot } or reply to one of my messages.

button-passage = Source { $number }
button-more = More
button-cancel = Cancel
button-retry = Try again
button-back = Back
button-done = Done
button-expired = This button is too old. Please ask again.
button-pressed-before = Already done.
no-more = That is all I have found.

feedback-good = 👍
feedback-bad = 👎
feedback-why = What is wrong with the answer?
feedback-thanks = Thank you! It will help to answer better.
feedback-wrong = It is wrong
feedback-incomplete = Something is missing
feedback-outdated = It is out of date
feedback-wrong-source = The sources do not fit
feedback-unclear = It is hard to understand
feedback-other = Something else

settings = Settings
setting-language = Language: { $language }
setting-notices-on = Notices: on
setting-notices-off = Notices: off
setting-style = Answers: { $style }
setting-wish = Your wish: { $wish }
style-brief = Brief
style-normal = Normal
style-detailed = Detailed
setting-saved = Saved.
language-ask = Which language shall I speak?
language-ru = Русский
language-en = English
language-auto = As in Telegram
language-chosen = From now on: { $language }.
language-chosen-auto = From now on I speak the language of your Telegram.
kb-ask = Which knowledge bases shall I search?
kb-all = All of them
kb-none = No knowledge base is open to you yet. Please ask an administrator for access.
kb-chosen = I will search: { $names }.
kb-chosen-all = I will search all knowledge bases that are open to you.
kb-gone = This knowledge base is gone, or no longer open to you. Choose another one: /kb

file-received = I have got the file and am reading it.
file-known = I have this file already, so there is nothing to upload.
file-ask-kb = Which knowledge base shall I add “{ $file }” to?
file-no-kb = You may not add files to any knowledge base yet. Please ask an administrator for the role of an editor.
file-not-allowed = Only editors may add files. Please ask the owner of the knowledge base.
file-too-large =
    This file is too large: Telegram lets bots download up to { $limit } MB.

    Split it into smaller archives, or ask an administrator to upload it through the API or to connect a local Telegram server.
file-gone = Telegram no longer has this file. Please send it again.
unsupported-sticker = A nice sticker! But I answer questions in words only.
unsupported-voice = I cannot listen to voice messages yet. Please write your question.
unsupported-video = I cannot watch videos. Please write your question.
unsupported-photo = I cannot read pictures yet. Please write your question, or send the text as a file.
unsupported-other = I cannot read messages of this kind. Please write your question, or send a file.

notice-dead-letter =
    { $count ->
        [one] { $count } message could not be delivered. You can look at it and send it again among the dead letters.
       *[other] { $count } messages could not be delivered. You can look at them and send them again among the dead letters.
    }
