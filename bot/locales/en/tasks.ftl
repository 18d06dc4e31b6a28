# Uploads and what becomes of them.

task-queued = Waiting in the queue
task-running = Working
task-paused = Paused
task-succeeded = Ready: you can ask about it
task-failed = It did not work
task-cancelled = Cancelled
stage-waiting = about to begin
stage-indexing = reading documents
stage-embedding = learning meanings
stage-removing = removing what is gone
stage-rebuilding = rebuilding the index
stage-sweeping = tidying up
stage-finished = finishing
progress-of-total = { $percent } % · { $done } of { $total }
progress-so-far = { $done } done so far
task-waits = Waiting for a free place; it goes on by itself.
time-left = About { $time } left
documents-indexed =
    { $count ->
        [one] { $count } document read
       *[other] { $count } documents read
    }
documents-unchanged =
    { $count ->
        [one] { $count } document unchanged
       *[other] { $count } documents unchanged
    }
documents-removed =
    { $count ->
        [one] { $count } document removed
       *[other] { $count } documents removed
    }
files-with-problems =
    { $count ->
        [one] { $count } file could not be read
       *[other] { $count } files could not be read
    }
more-problems =
    { $count ->
        [one] … and { $count } more file
       *[other] … and { $count } more files
    }
task-cancel-asked = Stopping. What has been read so far stays.
task-retry-asked = Trying again.
task-failed-inside = Something broke on our side, not in your file. Please try again; if it fails once more, tell an administrator.

problem-encrypted = protected by a password
problem-truncated = cut off, its end is missing
problem-corrupt = damaged
problem-nested-archive = an archive within an archive; unpack it first
problem-too-deep = too many nested folders
problem-too-large = too large
problem-too-many-entries = too many files in the archive
problem-suspicious-ratio = looks like a decompression bomb
problem-path-escapes-root = its path leads out of the archive
problem-invalid-path = its name cannot be used
problem-link = a link, not a file
problem-device-name = a device, or a name that the system reserves
problem-duplicate-path = a second file of this name; the first one was taken
problem-binary = not a text
problem-unsupported-format = I cannot read this format yet
problem-unsupported-compression = packed in a way that I cannot unpack
problem-unknown-encoding = I do not recognise the encoding
problem-empty = no text inside
problem-parse-failed = could not be read
problem-nested-too-deep = its content is nested too deeply
problem-memory-limit = needs too much memory to unpack
problem-too-many-pages = has too many pages
problem-timed-out = took too long to read
problem-reader-crashed = its content cannot be read; please report this file to an administrator
problem-not-found = is listed, but not there
problem-access-denied = the source does not show it to us; check its token
problem-unreachable = the source does not answer
problem-address-refused = lies in a private network that I may not enter
problem-robots-disallowed = the site asks robots not to read it
problem-submodule = a repository within the repository; add it as a source of its own
problem-lfs-pointer = only a pointer to a large file, which I do not fetch
problem-removals-held = most documents are suddenly gone there; I keep them until somebody confirms that
