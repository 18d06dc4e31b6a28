# What stands around an answer.

sources = Sources
now-there-is-an-answer = You asked, and there was no answer then. Now there is one.
more-passages = Here is what else I found:
nearest-passages = What comes nearest
not-found-hint = Try other words, or name the product, the version or the section. /kb shows which knowledge bases I search.
nothing-to-show = The answer is empty. Please ask in other words.
answer-truncated = The answer was too long and ends early. Ask about the rest separately.
unsupported-note = no source confirms this; better check it.
one-line = line { $line }
line-range = lines { $first }–{ $last }
one-page = page { $page }
page-range = pages { $first }–{ $last }
quoted = “{ $quote }”
extractive-no-model = What the documents say, word for word:
extractive-model-away = The language model is away for the moment. What the documents say, word for word:
extractive-model-busy = The language model is busy for the moment. What the documents say, word for word:
extractive-model-refused = The language model did not answer this question. What the documents say, word for word:
extractive-uncited = I could not confirm the model’s answer by sources. What the documents say, word for word:
