"""The gallery on this machine: photos and thumbnails of the bundle in service, and nothing else."""

from __future__ import annotations

import asyncio
import io
import socket
from copy import copy
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from PIL import Image
from starlette.types import ASGIApp

from export.errors import LibraryError, ServingError
from export.gallery.indexing import index_photos
from export.gallery.serving import HOST, create_gallery, listen
from export.progress import Progress
from export.publishing.publication import publish
from export.publishing.staged_bundle import Choices
from export.storage.folder_objects import FolderObjects
from handler.errors import BundleError
from tests.functional.export.galleries import fake_models, write_photo

DIFFICULT = "été & 100%/#1? red\n.png"


class Gallery:
    """An indexed folder, and what asks its app without a network."""

    def __init__(self, base: Path) -> None:
        self.photos, self.out, self._models = base / "photos", base / "out", fake_models(base / "models")
        write_photo(self.photos / DIFFICULT, "red")
        write_photo(self.photos / "blue.jpg", "blue")
        (self.photos / "broken.jpg").write_bytes(b"no photo")
        (self.photos / "secret.txt").write_text("secret")
        self.index()
        self.app: ASGIApp = create_gallery(self.out)

    def index(self) -> str:
        return index_photos(self.photos, self.out, workers=1, models=self._models).bundle

    async def get(self, path: str, *, host: str = "127.0.0.1", method: str = "GET") -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.request(method, path)


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return Gallery(tmp_path_factory.mktemp("gallery"))


@pytest.fixture
def own_gallery(tmp_path: Path) -> Gallery:
    return Gallery(tmp_path)


def get(gallery: Gallery, path: str, **options: str) -> httpx.Response:
    return asyncio.run(gallery.get(path, **options))


def test_the_addresses_in_an_answer_lead_to_the_files(gallery: Gallery) -> None:
    (result,) = get(gallery, "/v1/search?q=a+photo+of+a+red+wall&k=1").json()["results"]
    assert (result["id"], result["relevance"]) == (DIFFICULT, 1.0)
    photo = get(gallery, result["url"])
    assert photo.content == (gallery.photos / DIFFICULT).read_bytes()
    thumbnail = get(gallery, result["thumbnail_url"])
    assert (thumbnail.status_code, thumbnail.content[:3]) == (200, b"\xff\xd8\xff")
    for response, media_type in ((photo, "image/png"), (thumbnail, "image/jpeg")):
        assert response.status_code == 200
        assert {
            name: response.headers[name] for name in ("content-type", "cache-control", "content-security-policy")
        } == {
            "content-type": media_type,
            "cache-control": "private, max-age=60",
            "content-security-policy": "default-src 'none'",
        }
        assert response.headers["x-content-type-options"] == "nosniff"


def test_a_preview_is_made_when_it_is_asked_for_and_kept(own_gallery: Gallery) -> None:
    address = get(own_gallery, "/v1/photos/blue.jpg").json()["preview_url"]
    kept = own_gallery.out / address.lstrip("/")
    assert not kept.exists()
    first = get(own_gallery, address)
    assert (first.status_code, first.headers["content-type"]) == (200, "image/webp")
    with Image.open(io.BytesIO(first.content)) as preview:
        assert (preview.format, preview.size) == ("WEBP", (64, 48))
    assert kept.read_bytes() == first.content
    (own_gallery.photos / "blue.jpg").unlink()
    assert get(own_gallery, address).content == first.content


def test_of_a_photo_that_is_another_by_now_no_preview_is_made(own_gallery: Gallery) -> None:
    address = get(own_gallery, "/v1/photos/blue.jpg").json()["preview_url"]
    write_photo(own_gallery.photos / "blue.jpg", "green")
    response = get(own_gallery, address)
    assert (response.status_code, response.json()["detail"]) == (404, "it changed while it was read; run again")
    assert not (own_gallery.out / address.lstrip("/")).exists()


def test_a_preview_is_shown_where_it_cannot_be_kept(own_gallery: Gallery) -> None:
    address = get(own_gallery, "/v1/photos/blue.jpg").json()["preview_url"]
    (own_gallery.out / "previews").write_bytes(b"a file of the user's")
    assert get(own_gallery, address).status_code == 200
    assert (own_gallery.out / "previews").read_bytes() == b"a file of the user's"


def test_the_preview_of_a_photo_that_is_gone_goes_with_it(own_gallery: Gallery) -> None:
    address = get(own_gallery, "/v1/photos/blue.jpg").json()["preview_url"]
    assert get(own_gallery, address).status_code == 200
    (own_gallery.photos / "blue.jpg").unlink()
    own_gallery.index()
    assert not (own_gallery.out / address.lstrip("/")).exists()
    assert get(own_gallery, address).status_code == 404


def test_what_needs_the_damage_in_a_bundle_is_told_to_come_again(own_gallery: Gallery) -> None:
    (damaged,) = own_gallery.out.glob("bundle/segments/*/catalogue.bin")
    data = damaged.read_bytes()
    damaged.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    own_gallery.app = create_gallery(own_gallery.out)
    for path in ("/photos/blue.jpg", "/v1/photos/blue.jpg", "/v1/search?q=a+photo+of+a+red+wall"):
        response = get(own_gallery, path)
        assert response.status_code == 503, path
        assert str(own_gallery.out) not in response.text
    assert get(own_gallery, "/healthz").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/photos/",
        "/photos/secret.txt",
        "/photos/broken.jpg",
        "/photos/../out/library.sqlite",
        "/photos/%2e%2e/out/library.sqlite",
        "/photos/..%2fout%2flibrary.sqlite",
        "/photos//etc/passwd",
        "/photos/%00",
        "/photos/%ff",
        "/thumbnails/",
        "/thumbnails/../library.sqlite",
        "/thumbnails/%2e%2e/library.sqlite",
        "/thumbnails/ab",
        f"/thumbnails/00/{'0' * 64}.jpg",
        "/previews/",
        "/previews/../library.sqlite",
        f"/previews/00/{'0' * 64}.webp",
        f"/previews/00/{'0' * 64}.jpg",
    ],
)
def test_nothing_else_can_be_had(gallery: Gallery, path: str) -> None:
    response = get(gallery, path)
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")
    assert response.json()["status"] == 404


def test_a_photo_that_was_deleted_is_not_found(own_gallery: Gallery) -> None:
    (own_gallery.photos / "blue.jpg").unlink()
    response = get(own_gallery, "/photos/blue.jpg")
    assert (response.status_code, response.json()["detail"]) == (404, "the file is gone")


def test_pages_elsewhere_cannot_read_the_photos(gallery: Gallery) -> None:
    assert get(gallery, "/photos/blue.jpg", host="evil.example").status_code == 400
    assert get(gallery, "/v1/search?q=red", host="evil.example").status_code == 400
    assert get(gallery, "/v1/search?q=red", host="localhost").status_code == 200


def test_only_reading(gallery: Gallery) -> None:
    assert get(gallery, "/photos/blue.jpg", method="HEAD").content == b""
    assert get(gallery, "/photos/blue.jpg", method="DELETE").status_code == 405


def test_a_new_bundle_is_taken_over_and_a_broken_one_is_not(own_gallery: Gallery) -> None:
    first = get(own_gallery, "/healthz").json()["bundle"]
    write_photo(own_gallery.photos / "green.jpg", "green")
    second = own_gallery.index()
    assert get(own_gallery, "/healthz").json()["bundle"] == second != first
    assert get(own_gallery, "/photos/green.jpg").status_code == 200
    broken = own_gallery.out / "bundles/broken"
    broken.mkdir()
    (own_gallery.out / "bundle").unlink()
    (own_gallery.out / "bundle").symlink_to("bundles/broken")
    assert get(own_gallery, "/healthz").json()["bundle"] == second


def test_photos_of_a_list_outside_of_its_folder(tmp_path: Path) -> None:
    far = write_photo(tmp_path / "far away/red.png", "red")
    listed = tmp_path / "lists/list.txt"
    listed.parent.mkdir()
    listed.write_text(f"{far}\n")
    gallery = Gallery(tmp_path)
    index_photos(listed, gallery.out, workers=1, models=fake_models(tmp_path / "models"))
    gallery.app = create_gallery(gallery.out)
    (result,) = get(gallery, "/v1/search?q=red+wall&k=1").json()["results"]
    assert result["id"] == str(far)
    assert result["url"] == "/photos/%2F" + quote(str(far)[1:])
    assert get(gallery, result["url"]).content == far.read_bytes()


def test_a_folder_without_a_bundle_or_library(tmp_path: Path, gallery: Gallery) -> None:
    with pytest.raises(BundleError, match="no such folder: write a bundle with 'thinlens index PHOTOS'"):
        create_gallery(tmp_path)
    (tmp_path / "bundle").symlink_to((gallery.out / "bundle").resolve())
    with pytest.raises(LibraryError, match="holds no library"):
        create_gallery(tmp_path)


@pytest.mark.parametrize("originals", [False, True])
def test_a_folder_that_was_published_to(originals: bool, tmp_path: Path, gallery: Gallery) -> None:
    store = tmp_path / "store"
    publish(gallery.out, FolderObjects(store), Choices(originals=originals, force=True), Progress(io.StringIO()))
    (store / "photos").mkdir(exist_ok=True)
    (store / "photos/secret.txt").write_text("secret")
    gallery = copy(gallery)
    gallery.app = create_gallery(store)
    (result,) = get(gallery, "/v1/search?q=a+photo+of+a+red+wall&k=1").json()["results"]
    assert get(gallery, result["thumbnail_url"]).content[:3] == b"\xff\xd8\xff"
    if originals:
        assert get(gallery, result["url"]).content == (gallery.photos / DIFFICULT).read_bytes()
    for path in ("/photos/secret.txt", "/photos/../current.json", "/thumbnails/../current.json", "/v1/hidden"):
        assert get(gallery, path).status_code == 404
    assert get(gallery, "/v1/corrections", method="POST").status_code == 404
    assert "editor" not in get(gallery, "/").text


def test_who_listens_to_all_is_reached_by_any_name(gallery: Gallery) -> None:
    open_to_all, open_to_one = copy(gallery), copy(gallery)
    open_to_all.app = create_gallery(gallery.out, host="0.0.0.0")
    open_to_one.app = create_gallery(gallery.out, host="192.0.2.7")
    assert [get(open_to_all, "/healthz", host=host).status_code for host in ("nas.local", "192.0.2.7")] == [200, 200]
    assert [get(open_to_one, "/healthz", host=host).status_code for host in ("nas.local", "192.0.2.7")] == [400, 200]


def test_an_address_that_this_machine_has_not() -> None:
    with pytest.raises(ServingError, match=r"of 192\.0\.2\.7 can't be had: [A-Z][^(\[]*; .* or with --host an address"):
        listen(0, "192.0.2.7")


def test_a_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            ServingError, match=rf"port {port} of {HOST} can't be had: Address already in use; choose another"
        ):
            listen(port)
    with listen(0) as listener:
        assert listener.getsockname()[0] == HOST
