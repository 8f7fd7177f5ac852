// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "clips.hpp"
#include "rig.hpp"

#include <cstdlib>
#include <filesystem>
#include <sched.h>
#include <sys/mount.h>

#include <doctest/doctest.h>

using namespace avrig::e2e;

namespace {

/// A file system of one mebibyte, seen by this program and its children alone.
void mount_small(const std::string& folder) {
  std::filesystem::create_directory(folder);
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=1m") != 0) {
    MESSAGE("a private mount is not allowed here");
    std::exit(77);
  }
}

}  // namespace

TEST_SUITE("pipeline/disk") {
  TEST_CASE("bad input: a full disk ends the run with 3, and what was written plays") {
    Rig rig;
    mount_small(rig.file("small"));
    make_clip(rig, {.seconds = 3.0});
    const Finished run = rig.run(
        "avrig: 1\npipeline: full\noffline: true\nstages:\n"
        "  - {id: clip, read: media, with: {url: clip.mkv, loop: 20}}\n"
        "  - {id: take, write: media, in: [clip/audio, clip/video], with: {url: small/take.nut, "
        "video_codec: ffv1}}\n");
    CHECK_MESSAGE(run.code == 3, run.said);
    CHECK_MESSAGE(run.said.find("No space left on device") != std::string::npos, run.said);
    CHECK(run.said.find("take.nut") != std::string::npos);
    CHECK(run.stage("take").at("restarts") == 0);
    const Content content = decode(rig.file("small/take.nut"));
    CHECK(content.pictures.size() > 5);
    const Content expected = decode(rig.file("clip.mkv"));
    for (std::size_t i = 0; i < std::min(content.pictures.size(), expected.pictures.size()); ++i) {
      CHECK(content.pictures[i].hash == expected.pictures[i].hash);
    }
    (void)::umount(rig.file("small").c_str());
  }
}
