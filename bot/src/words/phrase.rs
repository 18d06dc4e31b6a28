//! The names of all phrases, and the values that each one takes. A phrase that is not listed here cannot be said.

use nexus_api::{GenerationReason, ProblemCode, TaskStage, TaskState};

macro_rules! phrases {
    ($($variant:ident = $key:literal $(($($value:literal),+))?,)+) => {
        /// A sentence, or a piece of one, by what it is for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Phrase { $($variant,)+ }

        impl Phrase {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its key in the Fluent files.
            pub const fn key(self) -> &'static str {
                match self { $(Self::$variant => $key,)+ }
            }

            /// Names of the values that it takes.
            pub const fn values(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($($value),+)?],)+ }
            }
        }
    };
}

phrases! {
    // Commands
    Start = "start",
    Help = "help",
    CommandHelp = "command-help",
    CommandKb = "command-kb",
    CommandNew = "command-new",
    CommandRefresh = "command-refresh",
    CommandLang = "command-lang",
    CommandSettings = "command-settings",
    CommandCancel = "command-cancel",
    UnknownCommand = "unknown-command",
    Forgotten = "forgotten",
    TextDeleted = "text-deleted",
    Refreshed = "refreshed",
    Cancelled = "cancelled",
    NothingToCancel = "nothing-to-cancel",

    // While a question is worked on
    Thinking = "thinking",
    BackendAway = "backend-away",
    BackendBack = "backend-back",
    EmptyQuestion = "empty-question",
    QuestionTooLong = "question-too-long" ("limit"),
    TooFast = "too-fast",
    AnswerLost = "answer-lost",
    GroupHint = "group-hint" ("bot"),

    // Answers
    Sources = "sources",
    MorePassages = "more-passages",
    NowThereIsAnAnswer = "now-there-is-an-answer",
    NearestPassages = "nearest-passages",
    NotFoundHint = "not-found-hint",
    NothingToShow = "nothing-to-show",
    AnswerTruncated = "answer-truncated",
    UnsupportedNote = "unsupported-note",
    OneLine = "one-line" ("line"),
    LineRange = "line-range" ("first", "last"),
    OnePage = "one-page" ("page"),
    PageRange = "page-range" ("first", "last"),
    Quoted = "quoted" ("quote"),
    ExtractiveNoModel = "extractive-no-model",
    ExtractiveModelAway = "extractive-model-away",
    ExtractiveModelBusy = "extractive-model-busy",
    ExtractiveModelRefused = "extractive-model-refused",
    ExtractiveUncited = "extractive-uncited",

    // Buttons and feedback
    ButtonPassage = "button-passage" ("number"),
    ButtonMore = "button-more",
    ButtonCancel = "button-cancel",
    ButtonRetry = "button-retry",
    ButtonBack = "button-back",
    ButtonDone = "button-done",
    ButtonExpired = "button-expired",
    ButtonPressedBefore = "button-pressed-before",
    NoMore = "no-more",
    FeedbackGood = "feedback-good",
    FeedbackBad = "feedback-bad",
    FeedbackWhy = "feedback-why",
    FeedbackThanks = "feedback-thanks",
    FeedbackWrong = "feedback-wrong",
    FeedbackIncomplete = "feedback-incomplete",
    FeedbackOutdated = "feedback-outdated",
    FeedbackWrongSource = "feedback-wrong-source",
    FeedbackUnclear = "feedback-unclear",
    FeedbackOther = "feedback-other",

    // Settings
    Settings = "settings",
    SettingLanguage = "setting-language" ("language"),
    SettingNoticesOn = "setting-notices-on",
    SettingNoticesOff = "setting-notices-off",
    SettingStyle = "setting-style" ("style"),
    SettingWish = "setting-wish" ("wish"),
    StyleBrief = "style-brief",
    StyleNormal = "style-normal",
    StyleDetailed = "style-detailed",
    SettingSaved = "setting-saved",
    LanguageAsk = "language-ask",
    LanguageRu = "language-ru",
    LanguageEn = "language-en",
    LanguageAuto = "language-auto",
    LanguageChosen = "language-chosen" ("language"),
    LanguageChosenAuto = "language-chosen-auto",
    KbAsk = "kb-ask",
    KbAll = "kb-all",
    KbNone = "kb-none",
    KbChosen = "kb-chosen" ("names"),
    KbChosenAll = "kb-chosen-all",
    KbGone = "kb-gone",

    // Files
    FileReceived = "file-received",
    FileKnown = "file-known",
    FileAskKb = "file-ask-kb" ("file"),
    FileNoKb = "file-no-kb",
    FileNotAllowed = "file-not-allowed",
    FileTooLarge = "file-too-large" ("limit"),
    FileGone = "file-gone",
    UnsupportedSticker = "unsupported-sticker",
    UnsupportedVoice = "unsupported-voice",
    UnsupportedVideo = "unsupported-video",
    UnsupportedPhoto = "unsupported-photo",
    UnsupportedOther = "unsupported-other",

    // Tasks
    TaskQueued = "task-queued",
    TaskRunning = "task-running",
    TaskPaused = "task-paused",
    TaskSucceeded = "task-succeeded",
    TaskFailed = "task-failed",
    TaskCancelled = "task-cancelled",
    StageWaiting = "stage-waiting",
    StageIndexing = "stage-indexing",
    StageEmbedding = "stage-embedding",
    StageRemoving = "stage-removing",
    StageRebuilding = "stage-rebuilding",
    StageSweeping = "stage-sweeping",
    StageFinished = "stage-finished",
    ProgressOfTotal = "progress-of-total" ("percent", "done", "total"),
    ProgressSoFar = "progress-so-far" ("done"),
    TaskWaits = "task-waits",
    TimeLeft = "time-left" ("time"),
    DocumentsIndexed = "documents-indexed" ("count"),
    DocumentsUnchanged = "documents-unchanged" ("count"),
    DocumentsRemoved = "documents-removed" ("count"),
    FilesWithProblems = "files-with-problems" ("count"),
    MoreProblems = "more-problems" ("count"),
    TaskCancelAsked = "task-cancel-asked",
    TaskRetryAsked = "task-retry-asked",
    TaskFailedInside = "task-failed-inside",

    // Errors
    ComeBackIn = "come-back-in" ("time"),
    Reference = "reference",
    LimitQuestions = "limit-questions" ("count"),
    LimitTokens = "limit-tokens" ("count"),
    LimitUploads = "limit-uploads" ("count"),
    LimitCost = "limit-cost" ("amount"),
    LimitMonthlyCost = "limit-monthly-cost" ("amount"),
    MonthlyLimit = "monthly-limit",
    DecimalMark = "decimal-mark",
    Seconds = "seconds" ("count"),
    Minutes = "minutes" ("count"),
    Hours = "hours" ("count"),
    Days = "days" ("count"),
    NoticeDeadLetter = "notice-dead-letter" ("count"),
}

impl Phrase {
    /// Why an answer is made of quotes.
    pub const fn of_generation(reason: Option<GenerationReason>) -> Self {
        match reason {
            None | Some(GenerationReason::NotConfigured | GenerationReason::NothingFound) => {
                Self::ExtractiveNoModel
            }
            Some(GenerationReason::RateLimited) => Self::ExtractiveModelBusy,
            Some(GenerationReason::Uncited) => Self::ExtractiveUncited,
            Some(GenerationReason::Filtered | GenerationReason::BadRequest) => Self::ExtractiveModelRefused,
            Some(
                GenerationReason::Unavailable
                | GenerationReason::TimedOut
                | GenerationReason::RefusedKey
                | GenerationReason::BrokenOff,
            ) => Self::ExtractiveModelAway,
        }
    }

    pub(super) const fn of_task_state(state: TaskState) -> Self {
        match state {
            TaskState::Queued => Self::TaskQueued,
            TaskState::Running => Self::TaskRunning,
            TaskState::Paused => Self::TaskPaused,
            TaskState::Succeeded => Self::TaskSucceeded,
            TaskState::Failed => Self::TaskFailed,
            TaskState::Cancelled => Self::TaskCancelled,
        }
    }

    pub(super) const fn of_task_stage(stage: TaskStage) -> Self {
        match stage {
            TaskStage::Waiting => Self::StageWaiting,
            TaskStage::Indexing => Self::StageIndexing,
            TaskStage::Embedding => Self::StageEmbedding,
            TaskStage::Removing => Self::StageRemoving,
            TaskStage::Rebuilding => Self::StageRebuilding,
            TaskStage::Sweeping => Self::StageSweeping,
            TaskStage::Finished => Self::StageFinished,
        }
    }
}

macro_rules! problems {
    ($($variant:ident = $name:literal,)+) => {
        /// All codes; the match below does not compile without one of them.
        pub(super) const PROBLEMS: &[ProblemCode] = &[$(ProblemCode::$variant),+];

        /// A code as the API writes it.
        pub(super) const fn problem_name(code: ProblemCode) -> &'static str {
            match code { $(ProblemCode::$variant => $name,)+ }
        }
    };
}

problems! {
    Encrypted = "encrypted",
    Truncated = "truncated",
    Corrupt = "corrupt",
    NestedArchive = "nested_archive",
    TooDeep = "too_deep",
    TooLarge = "too_large",
    TooManyEntries = "too_many_entries",
    SuspiciousRatio = "suspicious_ratio",
    PathEscapesRoot = "path_escapes_root",
    InvalidPath = "invalid_path",
    Link = "link",
    DeviceName = "device_name",
    DuplicatePath = "duplicate_path",
    Binary = "binary",
    UnsupportedFormat = "unsupported_format",
    UnsupportedCompression = "unsupported_compression",
    UnknownEncoding = "unknown_encoding",
    Empty = "empty",
    ParseFailed = "parse_failed",
    NestedTooDeep = "nested_too_deep",
    MemoryLimit = "memory_limit",
    TooManyPages = "too_many_pages",
    TimedOut = "timed_out",
    ReaderCrashed = "reader_crashed",
    NotFound = "not_found",
    AccessDenied = "access_denied",
    Unreachable = "unreachable",
    AddressRefused = "address_refused",
    RobotsDisallowed = "robots_disallowed",
    Submodule = "submodule",
    LfsPointer = "lfs_pointer",
    RemovalsHeld = "removals_held",
}
