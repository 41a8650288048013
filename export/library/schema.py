"""The schema: every table of the database and what its columns hold. It knows no query."""

from __future__ import annotations

from export.library.placement_schema import FACTS_CHANGED, PLACEMENT_SCHEMA, TEXT_TRIGGERS, VIEW_TRIGGERS

SCHEMA_VERSION = 7

TEXT_SCHEMA = (
    """
CREATE TABLE texts (            -- what a reader of text found in contents
    content     TEXT PRIMARY KEY,
    reader      TEXT NOT NULL,  -- its identity
    lines       TEXT NOT NULL,  -- JSON: in reading order [text, left, top, right, bottom, confidence], each from 0 to 1
    failure     TEXT            -- why it can't read this content
) STRICT;
CREATE INDEX failed_texts ON texts (content) WHERE failure IS NOT NULL;
"""
    + TEXT_TRIGGERS
)

VIEW_TABLE = """
CREATE TABLE views (            -- where image encoders saw contents
    content       TEXT NOT NULL,
    image_encoder TEXT NOT NULL, -- its identity
    vector        BLOB NOT NULL, -- float32 little-endian, unit norm
    PRIMARY KEY (content, image_encoder)
) STRICT;
"""

LIKENESS_SCHEMA = """
CREATE TABLE likenesses (       -- the contents that are grouped with their near-duplicates
    number      INTEGER PRIMARY KEY,
    content     TEXT NOT NULL UNIQUE,
    fingerprint BLOB NOT NULL,  -- 16 bytes
    pixels      INTEGER NOT NULL,
    leader      INTEGER NOT NULL -- the number of the one that stands for it, its own where it stands for itself
) STRICT;
CREATE INDEX led_likenesses ON likenesses (leader) WHERE leader <> number;
CREATE TABLE bands (            -- the contents with the same 16 bits at one of eight places of the fingerprint
    band        INTEGER PRIMARY KEY, -- 65536 times the place, and the bits
    leaders     BLOB NOT NULL,  -- of each that stands for itself the number, 4 bytes, and the fingerprint, 16 bytes
    others      BLOB NOT NULL   -- the same of the others
) STRICT;
"""

UPGRADES = {
    3: """
ALTER TABLE contents ADD COLUMN noted TEXT;
ALTER TABLE contents ADD COLUMN latitude REAL;
ALTER TABLE contents ADD COLUMN longitude REAL;
ALTER TABLE contents ADD COLUMN damage TEXT;
ALTER TABLE contents ADD COLUMN reader INTEGER NOT NULL DEFAULT 1;
""",
    4: PLACEMENT_SCHEMA
    + LIKENESS_SCHEMA
    + """
CREATE INDEX damaged_contents ON contents (content) WHERE damage IS NOT NULL;
ALTER TABLE bundles ADD COLUMN base TEXT;
INSERT INTO touched SELECT id FROM photos ORDER BY id;
INSERT INTO orphans SELECT content FROM contents WHERE content NOT IN (SELECT content FROM photos);
""",
    5: """
ALTER TABLE contents ADD COLUMN written TEXT;
DROP TRIGGER IF EXISTS facts_changed;
"""
    + FACTS_CHANGED
    + TEXT_SCHEMA,
    6: VIEW_TABLE
    + """
INSERT INTO views SELECT content, captioner, vector FROM understandings WHERE vector IS NOT NULL;
DROP TABLE understandings;
"""
    + VIEW_TRIGGERS,
}
"""What brings a database of a version to the next."""

SCHEMA = (
    """
CREATE TABLE photos (           -- the photos of the last run
    id          TEXT PRIMARY KEY,
    size_bytes  INTEGER NOT NULL,
    mtime_ns    INTEGER NOT NULL, -- a stamp of its dates, see stamp_of
    content     TEXT NOT NULL   -- sha256 of the file, hexadecimal
) STRICT;
CREATE INDEX photos_by_content ON photos (content);
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
    reader      INTEGER NOT NULL, -- which reader found all this
    written     TEXT            -- JSON: what people wrote into the file, text, number or list of texts by name
) STRICT;
CREATE INDEX damaged_contents ON contents (content) WHERE damage IS NOT NULL;
CREATE TABLE captions (         -- what the captioner of this identity said
    content     TEXT NOT NULL,
    captioner   TEXT NOT NULL,
    instruction TEXT NOT NULL,
    text        TEXT NOT NULL,
    PRIMARY KEY (content, captioner, instruction)
) STRICT;
CREATE TABLE edits (            -- what a person said instead
    content     TEXT PRIMARY KEY,
    text        TEXT NOT NULL
) STRICT;
CREATE TABLE text_vectors (     -- float32 little-endian, unit norm, of captions and edits
    text        TEXT NOT NULL,
    encoder     TEXT NOT NULL,
    vector      BLOB NOT NULL,
    PRIMARY KEY (text, encoder)
) STRICT;
CREATE TABLE own_columns (      -- what the owner's table says, for photos that are there or not
    id          TEXT PRIMARY KEY,
    record      TEXT NOT NULL   -- JSON: text, number or list of texts by name
) STRICT;
CREATE TABLE failures (         -- contents that this decoder can't decode
    content     TEXT PRIMARY KEY,
    decoder     TEXT NOT NULL,
    reason      TEXT NOT NULL
) STRICT;
CREATE TABLE unreadable (       -- files that the last run couldn't read
    path        TEXT PRIMARY KEY,
    reason      TEXT NOT NULL
) STRICT;
CREATE TABLE sources (          -- the folder to which the photos' ids are relative
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    root        BLOB NOT NULL   -- a path is bytes, not always text
) STRICT;
CREATE TABLE revisions (        -- grows with every change of what a bundle is made of
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    number      INTEGER NOT NULL
) STRICT;
INSERT INTO revisions VALUES (1, 0);
CREATE TABLE bundles (          -- the bundle in place, and what it was made of
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    id          TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    base        TEXT            -- what its placements hold for
) STRICT;
"""
    + VIEW_TABLE
    + PLACEMENT_SCHEMA
    + VIEW_TRIGGERS
    + FACTS_CHANGED
    + TEXT_SCHEMA
    + LIKENESS_SCHEMA
)
