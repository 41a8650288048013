BEGIN TRANSACTION;
CREATE TABLE bands (            -- the contents with the same 16 bits at one of eight places of the fingerprint
    band        INTEGER PRIMARY KEY, -- 65536 times the place, and the bits
    leaders     BLOB NOT NULL,  -- of each that stands for itself the number, 4 bytes, and the fingerprint, 16 bytes
    others      BLOB NOT NULL   -- the same of the others
) STRICT;
CREATE TABLE bundles (          -- the bundle in place, and what it was made of
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    id          TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    base        TEXT            -- what its placements hold for
) STRICT;
INSERT INTO "bundles" VALUES(1,'0123456789abcdef','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff','base');
CREATE TABLE captions (         -- what the captioner of this identity said
    content     TEXT NOT NULL,
    captioner   TEXT NOT NULL,
    instruction TEXT NOT NULL,
    text        TEXT NOT NULL,
    PRIMARY KEY (content, captioner, instruction)
) STRICT;
INSERT INTO "captions" VALUES('7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','What is it?','a dog');
INSERT INTO "captions" VALUES('7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','Where is it?','where a dog is');
INSERT INTO "captions" VALUES('7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','names','');
INSERT INTO "captions" VALUES('3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','What is it?','a dog');
INSERT INTO "captions" VALUES('3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','Where is it?','where a dog is');
INSERT INTO "captions" VALUES('3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','names','');
CREATE TABLE contents (         -- what decoding found
    content     TEXT PRIMARY KEY,
    width       INTEGER NOT NULL,
    height      INTEGER NOT NULL,
    type        TEXT NOT NULL,
    taken       TEXT,           -- ISO 8601
    placeholder TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    noted       TEXT,           -- who noted when it was taken
    latitude    REAL,           -- degrees, WGS 84
    longitude   REAL,
    damage      TEXT,           -- what of the file is missing
    reader      INTEGER NOT NULL -- which reader found all this
, written TEXT) STRICT;
INSERT INTO "contents" VALUES('7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed',40,30,'jpeg',NULL,'000000000000000000000000000000000000000000000000000000000000000000000000','00000000000000000000000000000000','exif',NULL,NULL,NULL,2,NULL);
INSERT INTO "contents" VALUES('3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3',40,30,'jpeg',NULL,'000000000000000000000000000000000000000000000000000000000000000000000000','00000000000000000000000000000000','exif',NULL,NULL,NULL,2,NULL);
CREATE TABLE edits (            -- what a person said instead
    content     TEXT PRIMARY KEY,
    text        TEXT NOT NULL
) STRICT;
INSERT INTO "edits" VALUES('3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3','Rex');
CREATE TABLE failures (         -- contents that this decoder can't decode
    content     TEXT PRIMARY KEY,
    decoder     TEXT NOT NULL,
    reason      TEXT NOT NULL
) STRICT;
CREATE TABLE likenesses (       -- the contents that are grouped with their near-duplicates
    number      INTEGER PRIMARY KEY,
    content     TEXT NOT NULL UNIQUE,
    fingerprint BLOB NOT NULL,  -- 16 bytes
    pixels      INTEGER NOT NULL,
    leader      INTEGER NOT NULL -- the number of the one that stands for it, its own where it stands for itself
) STRICT;
CREATE TABLE orphans (          -- contents that photos had and have no more, unless others have them
    content     TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
CREATE TABLE own_columns (      -- what the owner's table says, for photos that are there or not
    id          TEXT PRIMARY KEY,
    record      TEXT NOT NULL   -- JSON: text, number or list of texts by name
) STRICT;
INSERT INTO "own_columns" VALUES('a.jpg','{"place": "Paris"}');
CREATE TABLE photos (           -- the photos of the last run
    id          TEXT PRIMARY KEY,
    size_bytes  INTEGER NOT NULL,
    mtime_ns    INTEGER NOT NULL, -- a stamp of its dates, see stamp_of
    content     TEXT NOT NULL   -- sha256 of the file, hexadecimal
) STRICT;
INSERT INTO "photos" VALUES('a.jpg',100,1,'7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed');
INSERT INTO "photos" VALUES('b.jpg',100,1,'7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed');
INSERT INTO "photos" VALUES('c.jpg',100,1,'3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3');
CREATE TABLE placements (       -- where each photo stands in the bundle in place
    id          TEXT PRIMARY KEY,
    segment     TEXT NOT NULL,
    row         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "placements" VALUES('a.jpg','s',0);
INSERT INTO "placements" VALUES('b.jpg','s',1);
INSERT INTO "placements" VALUES('c.jpg','s',2);
CREATE TABLE revisions (        -- grows with every change of what a bundle is made of
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    number      INTEGER NOT NULL
) STRICT;
INSERT INTO "revisions" VALUES(1,4);
CREATE TABLE sources (          -- the folder to which the photos' ids are relative
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    root        BLOB NOT NULL   -- a path is bytes, not always text
) STRICT;
CREATE TABLE text_vectors (     -- float32 little-endian, unit norm, of captions and edits
    text        TEXT NOT NULL,
    encoder     TEXT NOT NULL,
    vector      BLOB NOT NULL,
    PRIMARY KEY (text, encoder)
) STRICT;
CREATE TABLE texts (            -- what a reader of text found in contents
    content     TEXT PRIMARY KEY,
    reader      TEXT NOT NULL,  -- its identity
    lines       TEXT NOT NULL,  -- JSON: in reading order [text, left, top, right, bottom, confidence], each from 0 to 1
    failure     TEXT            -- why it can't read this content
) STRICT;
CREATE TABLE touched (          -- photos, there or gone, of which something has changed since
    id          TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
CREATE TABLE understandings (   -- what captioners have understood
    content     TEXT NOT NULL,
    captioner   TEXT NOT NULL,
    vector      BLOB,           -- the visual view, float32 little-endian, unit norm, null where it gives none
    PRIMARY KEY (content, captioner)
) STRICT;
INSERT INTO "understandings" VALUES('7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',X'0000803F0000003F');
INSERT INTO "understandings" VALUES('3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',X'0000803F0000003F');
CREATE TABLE unreadable (       -- files that the last run couldn't read
    path        TEXT PRIMARY KEY,
    reason      TEXT NOT NULL
) STRICT;
CREATE INDEX photos_by_content ON photos (content);
CREATE INDEX damaged_contents ON contents (content) WHERE damage IS NOT NULL;
CREATE INDEX placements_by_segment ON placements (segment, row);
CREATE TRIGGER photo_added AFTER INSERT ON photos BEGIN
    INSERT INTO touched VALUES (NEW.id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER photo_changed AFTER UPDATE ON photos
WHEN (OLD.id, OLD.content, OLD.size_bytes) IS NOT (NEW.id, NEW.content, NEW.size_bytes) BEGIN
    INSERT INTO touched VALUES (OLD.id), (NEW.id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER photo_removed AFTER DELETE ON photos BEGIN
    INSERT INTO touched VALUES (OLD.id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER content_left AFTER UPDATE ON photos WHEN OLD.content IS NOT NEW.content BEGIN
    INSERT INTO orphans VALUES (OLD.content) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER content_gone AFTER DELETE ON photos BEGIN
    INSERT INTO orphans VALUES (OLD.content) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER facts_added AFTER INSERT ON contents BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content = NEW.content ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER facts_removed AFTER DELETE ON contents BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content = OLD.content ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER caption_added AFTER INSERT ON captions BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content = NEW.content ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER caption_changed AFTER UPDATE ON captions
WHEN (OLD.content, OLD.captioner, OLD.instruction, OLD.text)
    IS NOT (NEW.content, NEW.captioner, NEW.instruction, NEW.text) BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content IN (OLD.content, NEW.content) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER caption_removed AFTER DELETE ON captions BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content = OLD.content ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER understanding_added AFTER INSERT ON understandings BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content = NEW.content ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER understanding_changed AFTER UPDATE ON understandings
WHEN (OLD.content, OLD.captioner, OLD.vector) IS NOT (NEW.content, NEW.captioner, NEW.vector) BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content IN (OLD.content, NEW.content) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER understanding_removed AFTER DELETE ON understandings BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content = OLD.content ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER edit_added AFTER INSERT ON edits BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content = NEW.content ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER edit_changed AFTER UPDATE ON edits
WHEN (OLD.content, OLD.text) IS NOT (NEW.content, NEW.text) BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content IN (OLD.content, NEW.content) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER edit_removed AFTER DELETE ON edits BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content = OLD.content ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER columns_added AFTER INSERT ON own_columns BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE id = NEW.id ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER columns_changed AFTER UPDATE ON own_columns
WHEN (OLD.id, OLD.record) IS NOT (NEW.id, NEW.record) BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE id IN (OLD.id, NEW.id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER columns_removed AFTER DELETE ON own_columns BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE id = OLD.id ON CONFLICT DO NOTHING;
END;
CREATE INDEX led_likenesses ON likenesses (leader) WHERE leader <> number;
CREATE TRIGGER facts_changed AFTER UPDATE ON contents
WHEN (OLD.content, OLD.width, OLD.height, OLD.type, OLD.taken, OLD.placeholder, OLD.fingerprint, OLD.noted,
      OLD.latitude, OLD.longitude, OLD.damage, OLD.written)
    IS NOT (NEW.content, NEW.width, NEW.height, NEW.type, NEW.taken, NEW.placeholder, NEW.fingerprint, NEW.noted,
            NEW.latitude, NEW.longitude, NEW.damage, NEW.written) BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content IN (OLD.content, NEW.content) ON CONFLICT DO NOTHING;
END;
CREATE INDEX failed_texts ON texts (content) WHERE failure IS NOT NULL;
CREATE TRIGGER text_added AFTER INSERT ON texts WHEN NEW.lines <> '[]' BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content = NEW.content ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER text_changed AFTER UPDATE ON texts WHEN (OLD.content, OLD.lines) IS NOT (NEW.content, NEW.lines) BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content IN (OLD.content, NEW.content) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER text_removed AFTER DELETE ON texts WHEN OLD.lines <> '[]' BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content = OLD.content ON CONFLICT DO NOTHING;
END;
COMMIT;
PRAGMA user_version = 6;
