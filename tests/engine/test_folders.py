import os
from pathlib import Path

import pytest

import sd35graph
from sd35graph.engine import folders as folders_module
from sd35graph.engine.folders import Folders
from sd35graph.engine.paths import UnsafePath, inside
from sd35graph.settings import Settings


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    folders = Folders.under(tmp_path / "base")
    folders.create()
    return folders


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


UNSAFE = {
    "parent": ("../secret.png", '".."'),
    "parent inside": ("a/../../secret.png", '".."'),
    "absolute": ("/etc/passwd", "absolute"),
    "drive": ("C:/secret.png", "absolute"),
    "drive relative": ("c:secret.png", "absolute"),
    "backslash": ("a\\..\\secret.png", "backslash"),
    "network": ("\\\\host\\share\\x.png", "backslash"),
    "nul": ("a.png\0.txt", "NUL"),
    "control": ("a\nb.png", "control character"),
    "device": ("aux", "device"),
    "device with suffix": ("sub/CON.png", "device"),
    "trailing dot": ("sub./a.png", "dot or space"),
    "trailing space": ("a.png ", "dot or space"),
    "three dots": ("...", "dot or space"),
    "half a surrogate": ("a\ud800.png", "Unicode"),
    "encoded": ("%2e%2e%2fsecret.png", "percent-decoded"),
    "encoded twice": ("a/%252e%252e/secret.png", "percent-decoded"),
    "encoded backslash": ("a%5csecret.png", "percent-decoded"),
    "stream": ("a.png:b.exe", "colon"),
    "long path": ("a/" * 600 + "x.png", "too long"),
    "too long": ("ä" * 128 + ".png", "255 bytes"),
}


@pytest.mark.parametrize("name", ["100% sure.png", "100%25.png", "%zz.png", "a%20b/..c.png"])
def test_a_percent_sign_alone_is_no_harm(tmp_path: Path, name: str) -> None:
    assert inside(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize(("name", "reason"), UNSAFE.values(), ids=UNSAFE)
def test_unsafe_name_is_refused_with_its_reason(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(UnsafePath, match=reason):
        inside(tmp_path, name)


@pytest.mark.parametrize("name", ["a.png", "./sub//a.png", "..a.png", "a..png", "[x] é %2e%2e.png", "console.png", ""])
def test_safe_name_stays_inside(tmp_path: Path, name: str) -> None:
    assert inside(tmp_path, name).is_relative_to(tmp_path.resolve())


def test_link_out_of_the_root_is_refused(tmp_path: Path) -> None:
    secret = put(tmp_path / "secret.png")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link.png").symlink_to(secret)
    (root / "folder").symlink_to(tmp_path)
    (root / "loop").symlink_to(root / "loop")
    for name in ("link.png", "folder/secret.png", "folder"):
        with pytest.raises(UnsafePath, match="symbolic link"):
            inside(root, name)
    assert not inside(root, "loop").is_file()


def test_root_itself_may_be_a_link_and_a_neighbour_with_its_name_as_prefix_is_outside(tmp_path: Path) -> None:
    put(tmp_path / "root-secret" / "a.png")
    put(tmp_path / "root" / "a.png")
    (tmp_path / "link").symlink_to(tmp_path / "root")
    (tmp_path / "root" / "out.png").symlink_to(tmp_path / "root-secret" / "a.png")
    assert inside(tmp_path / "link", "a.png") == (tmp_path / "root" / "a.png").resolve()
    with pytest.raises(UnsafePath):
        inside(tmp_path / "link", "out.png")


def test_choices_are_sorted_recursive_and_only_of_the_right_kind(folders: Folders) -> None:
    checkpoints = folders.models[0] / "checkpoints"
    for name in ("b.safetensors", "a.SAFETENSORS", "sub/deep/c.safetensors", "old.ckpt", ".hidden.safetensors"):
        put(checkpoints / name)
    put(checkpoints / ".cache" / "d.safetensors")
    assert folders.choices("checkpoints") == ["a.SAFETENSORS", "b.safetensors", "sub/deep/c.safetensors"]


def test_a_model_in_diffusers_form_is_offered_as_its_folder(folders: Folders) -> None:
    root = folders.models[0] / "diffusion_models"
    for name in ("model_index.json", "vae/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"):
        put(root / "all" / "sd3.5" / name)
    for name in ("config.json", "diffusion_pytorch_model.safetensors.index.json"):
        put(root / "transformer" / name)
    put(root / "other" / "config.json")
    put(root / "other" / "model.gguf")
    assert folders.choices("diffusion_models") == ["all/sd3.5", "other/model.gguf", "transformer"]
    assert folders.file("diffusion_models", "all/sd3.5").is_dir()
    before = folders.file_fingerprint("diffusion_models", "all/sd3.5")
    put(root / "all" / "sd3.5" / "vae" / "diffusion_pytorch_model.safetensors", b"another")
    assert folders.file_fingerprint("diffusion_models", "all/sd3.5") != before
    with pytest.raises(FileNotFoundError):
        folders.file("diffusion_models", "other")


def test_a_folder_of_pictures_is_no_model(folders: Folders) -> None:
    put(folders.input / "sub" / "model_index.json")
    put(folders.input / "sub" / "a.png")
    assert folders.choices("input") == ["sub/a.png"]
    with pytest.raises(FileNotFoundError):
        folders.file("input", "sub")


def test_choices_never_follow_links_out_of_a_folder_clients_write_to(folders: Folders, tmp_path: Path) -> None:
    outside = put(tmp_path / "outside" / "x.png")
    put(folders.input / "real.png")
    (folders.input / "out.png").symlink_to(outside)
    (folders.input / "folder").symlink_to(outside.parent)
    (folders.input / "loop").symlink_to(folders.input)
    (folders.input / "again.png").symlink_to(folders.input / "real.png")
    (folders.input / "broken.png").symlink_to(folders.input / "gone.png")
    assert folders.choices("input") == ["again.png", "real.png"]
    for name in ("out.png", "folder/x.png"):
        with pytest.raises(UnsafePath, match="symbolic link"):
            folders.file("input", name)


def test_links_among_the_models_are_followed_because_only_the_operator_places_them(
    folders: Folders, tmp_path: Path
) -> None:
    store = put(tmp_path / "store" / "x.safetensors", b"x").parent
    checkpoints = folders.models[0] / "checkpoints"
    put(checkpoints / "real.safetensors")
    (checkpoints / "out.safetensors").symlink_to(store / "x.safetensors")
    (checkpoints / "shared").symlink_to(store)
    (checkpoints / "loop").symlink_to(checkpoints)
    (store / "back").symlink_to(checkpoints)
    (checkpoints / "broken.safetensors").symlink_to(checkpoints / "gone.safetensors")
    assert folders.choices("checkpoints") == ["out.safetensors", "real.safetensors", "shared/x.safetensors"]
    for name in ("out.safetensors", "shared/x.safetensors"):
        assert folders.file("checkpoints", name).read_bytes() == b"x"
    with pytest.raises(UnsafePath):
        folders.file("checkpoints", "../store/x.safetensors")


def test_whatever_is_offered_can_be_opened(folders: Folders) -> None:
    for name in ("a.png", "sub/b.jpg", "we\\ird.png", "aux.png", "text.txt", "dir.png/c.webp"):
        put(folders.input / name)
    offered = folders.choices("input")
    assert offered == ["a.png", "dir.png/c.webp", "sub/b.jpg"]
    assert all(folders.file("input", name).is_file() for name in offered)


def test_roots_are_searched_in_order_and_joined(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    folders = Folders(tmp_path, (first, second), tmp_path / "input", tmp_path / "output", tmp_path / "temp")
    put(first / "vae" / "a.safetensors", b"first")
    put(second / "vae" / "a.safetensors", b"second")
    put(second / "vae" / "b.safetensors")
    assert folders.choices("vae") == ["a.safetensors", "b.safetensors"]
    assert folders.file("vae", "a.safetensors").read_bytes() == b"first"
    assert folders.file("vae", "b.safetensors").is_file()


@pytest.mark.parametrize(("alias", "source"), [("clip", "text_encoders"), ("unet", "diffusion_models")])
def test_older_names_of_sources_and_of_folders_count(folders: Folders, alias: str, source: str) -> None:
    put(folders.models[0] / alias / "old.safetensors")
    put(folders.models[0] / source / "new.safetensors")
    assert folders.choices(source) == folders.choices(alias) == ["new.safetensors", "old.safetensors"]
    assert folders.file(alias, "new.safetensors").is_file()
    assert alias not in folders.model_sources()
    assert source in folders.model_sources()


def test_missing_file_says_where_it_was_looked_for(folders: Folders) -> None:
    with pytest.raises(FileNotFoundError, match=r'no file "x.safetensors" for vae; put it into .*models/vae'):
        folders.file("vae", "x.safetensors")


@pytest.mark.parametrize("source", ["../etc", "a/b", "", "/etc", "nul"])
def test_source_is_one_folder_name(folders: Folders, source: str) -> None:
    with pytest.raises(UnsafePath):
        folders.choices(source)


def test_unknown_source_is_a_folder_of_the_model_roots(folders: Folders) -> None:
    assert folders.choices("my_kind") == []
    put(folders.models[0] / "my_kind" / "a.safetensors")
    assert folders.choices("my_kind") == ["a.safetensors"]
    assert "my_kind" in folders.model_sources()


def test_fingerprint_changes_with_the_file(folders: Folders) -> None:
    path = put(folders.input / "a.png", b"one")
    first = folders.file_fingerprint("input", "a.png")
    assert folders.file_fingerprint("input", "a.png") == first
    path.write_bytes(b"three")
    assert folders.file_fingerprint("input", "a.png") != first
    same_size = folders.file_fingerprint("input", "a.png")
    os.utime(path, ns=(1, 1))
    assert folders.file_fingerprint("input", "a.png") != same_size


def test_the_fingerprint_of_a_model_sees_into_linked_folders(folders: Folders, tmp_path: Path) -> None:
    model = put(folders.models[0] / "checkpoints" / "whole" / "model_index.json").parent
    weights = put(tmp_path / "store" / "diffusion_pytorch_model.safetensors", b"one")
    (model / "transformer").symlink_to(weights.parent)
    (model / "again").symlink_to(model)  # a loop
    before = folders.file_fingerprint("checkpoints", "whole")
    assert folders.file_fingerprint("checkpoints", "whole") == before
    weights.write_bytes(b"three")
    assert folders.file_fingerprint("checkpoints", "whole") != before


def test_a_folders_fingerprint_changes_with_each_file_it_offers(tmp_path: Path) -> None:
    folders = Folders.under(tmp_path)
    seen = [folders.folder_fingerprint("embeddings")]
    path = put(tmp_path / "models" / "embeddings" / "style.safetensors", b"one")
    seen.append(folders.folder_fingerprint("embeddings"))
    path.write_bytes(b"three")
    seen.append(folders.folder_fingerprint("embeddings"))
    path.rename(path.with_name("other.safetensors"))
    seen.append(folders.folder_fingerprint("embeddings"))
    assert len(set(seen)) == 4
    assert folders.folder_fingerprint("embeddings") == seen[-1]
    put(tmp_path / "models" / "vae" / "v.safetensors", b"v")
    assert folders.folder_fingerprint("embeddings") == seen[-1]


def test_create_leaves_model_roots_outside_the_base_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    base = tmp_path / "base"
    folders = Folders(base, (elsewhere, base / "models"), base / "input", base / "output", base / "temp")
    folders.create()
    assert not elsewhere.exists()
    assert (base / "models" / "checkpoints").is_dir()
    assert all(folder.is_dir() for folder in (folders.input, folders.output, folders.temp))


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Model root of a package that lies inside the base, as in a checkout served with `--base .`."""
    root = tmp_path / "base" / "package" / "embedded" / "models"
    monkeypatch.setattr(folders_module, "EMBEDDED_MODELS", root)
    return root


def test_models_of_the_package_are_offered_and_come_last(embedded: Path, tmp_path: Path) -> None:
    folders = Folders.from_settings(Settings(base=tmp_path / "base", models=(tmp_path / "more",)))
    assert folders.models == (tmp_path / "more", tmp_path / "base" / "models", embedded)
    put(embedded / "checkpoints" / "tiny.safetensors", b"package")
    put(embedded / "text_encoders" / "tiny_clip.safetensors")
    put(embedded / "text_encoders" / "tiny_clip" / "tokenizer.json")
    assert folders.choices("checkpoints") == ["tiny.safetensors"]
    assert folders.choices("clip") == ["tiny_clip.safetensors"]
    assert folders.file("checkpoints", "tiny.safetensors").read_bytes() == b"package"
    put(folders.models[1] / "checkpoints" / "tiny.safetensors", b"own")
    assert folders.choices("checkpoints") == ["tiny.safetensors"]
    assert folders.file("checkpoints", "tiny.safetensors").read_bytes() == b"own"


def test_nobody_is_told_to_put_files_into_the_package(embedded: Path, tmp_path: Path) -> None:
    folders = Folders.from_settings(Settings(base=tmp_path / "base"))
    folders.create()
    assert (tmp_path / "base" / "models" / "vae").is_dir()
    assert not embedded.exists()
    with pytest.raises(FileNotFoundError, match=r"put it into .*models/vae$") as caught:
        folders.file("vae", "x.safetensors")
    assert "embedded" not in str(caught.value)


def test_the_embedded_root_lies_in_the_package() -> None:
    assert Path(sd35graph.__file__).parent / "embedded" / "models" == folders_module.EMBEDDED_MODELS


def test_latents_are_offered_from_the_input_folder_beside_its_pictures(folders: Folders) -> None:
    latent = put(folders.input / "sub" / "a.latent")
    put(folders.input / "a.png")
    assert folders.choices("input_latents") == ["sub/a.latent"]
    assert folders.choices("input") == ["a.png"]
    assert folders.file("input_latents", "sub/a.latent") == latent
    with pytest.raises(UnsafePath):
        folders.file("input_latents", "../a.latent")
