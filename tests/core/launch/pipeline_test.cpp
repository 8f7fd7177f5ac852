// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/pipeline.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace avrig;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

struct Folder {
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "avrig-pipeline-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
    ::setenv("XDG_RUNTIME_DIR", path.c_str(), 1);
  }
  ~Folder() {
    if (std::getenv("AVRIG_TEST_KEEP") == nullptr) {
      fs::remove_all(path);
    }
  }
  std::string path;
};

Pipeline make(const Folder& folder, std::int64_t frames, const std::string& period) {
  Pipeline rig("coded");
  rig.read("source", "media", {{"frames", frames}, {"period", period}})
      .process("work", "fake", {"source"}, {{"factor", 2.0}})
      .write("sink", "media", {"work"}, {{"file", folder.path + "/out.txt"}})
      .run_folder(folder.path)
      .program_folder(FAKES);
  return rig;
}

}  // namespace

TEST_SUITE("pipeline") {
  TEST_CASE("pipeline: built in code it runs as from a file") {
    const Folder folder;
    Pipeline sut = make(folder, 20, "0ms");
    sut.offline();
    sut.start();
    sut.wait();
    CHECK_FALSE(sut.running());
    CHECK(json::parse(sut.report()).at("edges").at(1).at("delivered") == 20);
    std::ifstream file(folder.path + "/out.txt");
    std::stringstream all;
    all << file.rdbuf();
    CHECK(all.str().substr(0, 8) == "0\n2\n4\n6\n");
    CHECK(fs::exists(sut.last_run_folder() + "/run.log"));
  }

  TEST_CASE(
      "pipeline: its stages stop, start and are waited for one by one; its parameters change") {
    const Folder folder;
    Pipeline sut = make(folder, 300, "2ms");
    sut.start();
    CHECK(sut.running());
    CHECK_THROWS_AS(sut.start(), Error);
    CHECK_NOTHROW((void)sut.set("work", "factor", 3.0));
    CHECK_THROWS_AS((void)sut.set("work", "factor", 11.0), Error);
    sut.mark("now");
    sut.stop("work");
    sut.start("work");
    sut.wait("source");
    sut.wait();
    INFO(sut.report());
    CHECK(json::parse(sut.report()).at("edges").at(0).at("produced") == 300);
  }

  TEST_CASE("pipeline: stop() ends one that has no end, and so does its destructor") {
    const Folder folder;
    {
      Pipeline sut = make(folder, 0, "2ms");
      sut.start();
      sut.stop();
      sut.wait();
      sut.start();
    }
    CHECK(fs::exists(folder.path));
  }

  TEST_CASE("pipeline: what is wrong is thrown from start(), in the words of the file") {
    const Folder folder;
    Pipeline sut = make(folder, 1, "20kHz");
    try {
      sut.start();
      FAIL("it started");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::Spec);
      CHECK(std::string(error.what()).find("period") != std::string::npos);
    }
    Pipeline cycle("cycle");
    cycle.process("a", "fake", {"b"}).process("b", "fake", {"a"});
    CHECK_THROWS_AS(cycle.start(), Error);
  }
}
