BEGIN TRANSACTION;
CREATE TABLE bundles (          -- the bundle in place, and what it was made of
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    id          TEXT NOT NULL,
    fingerprint TEXT NOT NULL
) STRICT;
INSERT INTO "bundles" VALUES(1,'0123456789abcdef','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff');
CREATE TABLE captions (         -- what the captioner of this identity said
    content     TEXT NOT NULL,
    captioner   TEXT NOT NULL,
    instruction TEXT NOT NULL,
    text        TEXT NOT NULL,
    PRIMARY KEY (content, captioner, instruction)
) STRICT;
INSERT INTO "captions" VALUES('7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','What is it?','a dog; and a cat');
INSERT INTO "captions" VALUES('7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','Where is it?','a dog; and a cat');
INSERT INTO "captions" VALUES('7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','names','a dog; and a cat');
INSERT INTO "captions" VALUES('3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','What is it?','a dog; and a cat');
INSERT INTO "captions" VALUES('3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','Where is it?','a dog; and a cat');
INSERT INTO "captions" VALUES('3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','names','a dog; and a cat');
INSERT INTO "captions" VALUES('283bb9deef02e6843abfb538efa1eca70801bd8a701c3f98191e123496339247','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','What is it?','a dog; and a cat');
INSERT INTO "captions" VALUES('283bb9deef02e6843abfb538efa1eca70801bd8a701c3f98191e123496339247','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','Where is it?','a dog; and a cat');
INSERT INTO "captions" VALUES('283bb9deef02e6843abfb538efa1eca70801bd8a701c3f98191e123496339247','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','names','a dog; and a cat');
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
) STRICT;
INSERT INTO "contents" VALUES('7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed',40,30,'jpeg',NULL,'000000000000000000000000000000000000000000000000000000000000000000000000','00000000000000000000000000000000','camera',NULL,NULL,NULL,2);
INSERT INTO "contents" VALUES('3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3',40,30,'jpeg',NULL,'000000000000000000000000000000000000000000000000000000000000000000000000','00000000000000000000000000000000','camera',NULL,NULL,NULL,2);
INSERT INTO "contents" VALUES('283bb9deef02e6843abfb538efa1eca70801bd8a701c3f98191e123496339247',40,30,'jpeg',NULL,'000000000000000000000000000000000000000000000000000000000000000000000000','00000000000000000000000000000000','camera',NULL,NULL,NULL,2);
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
INSERT INTO "failures" VALUES('8b5b9db0c13db24256c829aa364aa90c6d2eba318b9232a4ab9313b954d3555f','1','no image');
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
INSERT INTO "photos" VALUES('d.jpg',100,1,'8b5b9db0c13db24256c829aa364aa90c6d2eba318b9232a4ab9313b954d3555f');
CREATE TABLE revisions (        -- grows with every change of what a bundle is made of
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    number      INTEGER NOT NULL
) STRICT;
INSERT INTO "revisions" VALUES(1,7);
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
CREATE TABLE understandings (   -- what captioners have understood
    content     TEXT NOT NULL,
    captioner   TEXT NOT NULL,
    vector      BLOB,           -- the visual view, float32 little-endian, unit norm, null where it gives none
    PRIMARY KEY (content, captioner)
) STRICT;
INSERT INTO "understandings" VALUES('7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',X'0000803F0000003F');
INSERT INTO "understandings" VALUES('3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',X'0000803F0000003F');
INSERT INTO "understandings" VALUES('283bb9deef02e6843abfb538efa1eca70801bd8a701c3f98191e123496339247','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',X'0000803F0000003F');
CREATE TABLE unreadable (       -- files that the last run couldn't read
    path        TEXT PRIMARY KEY,
    reason      TEXT NOT NULL
) STRICT;
CREATE INDEX photos_by_content ON photos (content);
COMMIT;
PRAGMA user_version = 4;
