"""The schema of placements: where photos stand in the bundle in place, and what has changed since. It knows no query.

What has changed is noted by triggers, so that nothing that writes can forget it. They note too much rather than too
little: a caption of another captioner touches its photos as well. They heed that INSERT OR REPLACE fires no delete
trigger, so tables whose deletions count are written with INSERT … ON CONFLICT DO UPDATE.
"""

from __future__ import annotations

PLACEMENT_SCHEMA = """
CREATE TABLE placements (       -- where each photo stands in the bundle in place
    id          TEXT PRIMARY KEY,
    segment     TEXT NOT NULL,
    row         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX placements_by_segment ON placements (segment, row);
CREATE TABLE touched (          -- photos, there or gone, of which something has changed since
    id          TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
CREATE TABLE orphans (          -- contents that photos had and have no more, unless others have them
    content     TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

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
"""

FACTS_CHANGED = """
CREATE TRIGGER facts_changed AFTER UPDATE ON contents
WHEN (OLD.content, OLD.width, OLD.height, OLD.type, OLD.taken, OLD.placeholder, OLD.fingerprint, OLD.noted,
      OLD.latitude, OLD.longitude, OLD.damage, OLD.written)
    IS NOT (NEW.content, NEW.width, NEW.height, NEW.type, NEW.taken, NEW.placeholder, NEW.fingerprint, NEW.noted,
            NEW.latitude, NEW.longitude, NEW.damage, NEW.written) BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content IN (OLD.content, NEW.content) ON CONFLICT DO NOTHING;
END;
"""

TEXT_TRIGGERS = """
CREATE TRIGGER text_added AFTER INSERT ON texts WHEN NEW.lines <> '[]' BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content = NEW.content ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER text_changed AFTER UPDATE ON texts WHEN (OLD.content, OLD.lines) IS NOT (NEW.content, NEW.lines) BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content IN (OLD.content, NEW.content) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER text_removed AFTER DELETE ON texts WHEN OLD.lines <> '[]' BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content = OLD.content ON CONFLICT DO NOTHING;
END;
"""
"""A photo in which there is no text is no other photo once that is known."""

VIEW_TRIGGERS = """
CREATE TRIGGER view_added AFTER INSERT ON views BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content = NEW.content ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER view_changed AFTER UPDATE ON views
WHEN (OLD.content, OLD.image_encoder, OLD.vector) IS NOT (NEW.content, NEW.image_encoder, NEW.vector) BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content IN (OLD.content, NEW.content) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER view_removed AFTER DELETE ON views BEGIN
    INSERT INTO touched SELECT id FROM photos WHERE content = OLD.content ON CONFLICT DO NOTHING;
END;
"""
