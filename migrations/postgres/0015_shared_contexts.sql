-- Answers that were made from the same passages share one list of them: an answer out of the cache writes none.

-- What an older program writes meanwhile must not fall between the copy and the view.
LOCK TABLE answers, answer_passages IN ACCESS EXCLUSIVE MODE;

-- id: that of the answer which it was written for first. It stays for as long as an answer refers to it.
CREATE TABLE answer_contexts (
    id UUID NOT NULL PRIMARY KEY
);

-- In their order. is_shown: the answers may hold something of it.
CREATE TABLE context_passages (
    context_id UUID    NOT NULL REFERENCES answer_contexts (id) ON DELETE CASCADE,
    ordinal    BIGINT  NOT NULL,
    passage_id BIGINT  NOT NULL REFERENCES kept_passages (id),
    is_shown   BOOLEAN NOT NULL,
    PRIMARY KEY (context_id, ordinal)
);

INSERT INTO answer_contexts (id) SELECT DISTINCT answer_id FROM answer_passages;
INSERT INTO context_passages (context_id, ordinal, passage_id, is_shown)
    SELECT answer_id, ordinal, passage_id, is_shown FROM answer_passages;
CREATE INDEX context_passages_passage ON context_passages (passage_id);

-- NULL: it was made from no passages.
ALTER TABLE answers ADD COLUMN context_id UUID REFERENCES answer_contexts (id);
UPDATE answers SET context_id = id WHERE id IN (SELECT id FROM answer_contexts);
CREATE INDEX answers_context ON answers (context_id) WHERE context_id IS NOT NULL;

DROP TABLE answer_passages;

-- A program from before this goes on with the table that it knows. A later migration drops what follows.
CREATE VIEW answer_passages AS
    SELECT a.id AS answer_id, u.ordinal, u.passage_id, u.is_shown
    FROM answers a JOIN context_passages u ON u.context_id = a.context_id;

CREATE FUNCTION answer_passages_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO answer_contexts (id) VALUES (NEW.answer_id) ON CONFLICT (id) DO NOTHING;
    INSERT INTO context_passages (context_id, ordinal, passage_id, is_shown)
        VALUES (NEW.answer_id, NEW.ordinal, NEW.passage_id, NEW.is_shown);
    UPDATE answers SET context_id = NEW.answer_id WHERE id = NEW.answer_id AND context_id IS NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER answer_passages_insert INSTEAD OF INSERT ON answer_passages
    FOR EACH ROW EXECUTE FUNCTION answer_passages_insert();

CREATE FUNCTION answers_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM answer_contexts
        WHERE id = OLD.context_id AND NOT EXISTS (SELECT 1 FROM answers a WHERE a.context_id = OLD.context_id);
    RETURN NULL;
END $$;
CREATE TRIGGER answers_delete AFTER DELETE ON answers
    FOR EACH ROW WHEN (OLD.context_id IS NOT NULL) EXECUTE FUNCTION answers_delete();
