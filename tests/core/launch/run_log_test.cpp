// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/launch/run_log.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

using namespace avrig;

TEST_SUITE("launch/run_log") {
  TEST_CASE(
      "run log: what came before the file was open is in it, and a log is never overwritten") {
    const std::string path =
        (std::filesystem::temp_directory_path() / ("avrig-log-" + std::to_string(::getpid())))
            .string();
    {
      launch::RunLog sut(stage::Level::Error);
      sut.info("early");
      sut.open(path);
      sut.line("blur", stage::Level::Warning, "two\nlines");
      launch::RunLog second(stage::Level::Error);
      CHECK_THROWS_AS(second.open(path), Error);
    }
    std::ifstream file(path);
    std::stringstream all;
    all << file.rdbuf();
    CHECK(all.str().find("avrig info early\n") != std::string::npos);
    CHECK(all.str().find("blur warning two\n") != std::string::npos);
    CHECK(all.str().find("blur warning lines\n") != std::string::npos);
    std::filesystem::remove(path);
  }

  TEST_CASE("line splitter: lines are whole whatever the reads were, the last needs no end") {
    launch::LineSplitter sut;
    std::vector<std::string> lines;
    const auto note = [&](std::string_view line) {
      lines.emplace_back(line);
    };
    sut.feed("one\ntw", note);
    sut.feed("o\n\nthree", note);
    sut.flush(note);
    CHECK(lines == std::vector<std::string>{"one", "two", "three"});
  }
}
