//! Every sentence that an extractive answer says itself, in both languages.

use nexus_text::Language;

/// Said when the knowledge bases hold nothing on a question.
pub(crate) const fn nothing_found(language: Language) -> &'static str {
    match language {
        Language::Russian => "В базах знаний не нашлось ничего по этому вопросу.",
        Language::English => "The knowledge bases hold nothing on this question.",
    }
}

/// Said when what was found comes near a question and does not answer it.
pub(crate) const fn not_answered(language: Language) -> &'static str {
    match language {
        Language::Russian => "Похоже, в базах знаний нет ответа на этот вопрос.",
        Language::English => "The knowledge bases do not seem to answer this question.",
    }
}

/// Said when there is no question.
pub(crate) const fn nothing_asked(language: Language) -> &'static str {
    match language {
        Language::Russian => "Задайте вопрос словами.",
        Language::English => "Please ask a question in words.",
    }
}
