// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "pipeline_mixer.hpp"

#include "keeper.hpp"
#include <avrig/dipstream/dipstream.hpp>
#include <avrig/error.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <unistd.h>

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::jack_writer;
using nlohmann::json;

namespace {

/// A folder with one sound: 16-bit mono at 48 kHz, 4800 samples of one half.
class Folder {
 public:
  Folder() {
    char pattern[] = "/tmp/avrig-cues-XXXXXX";
    REQUIRE(::mkdtemp(pattern) != nullptr);
    path = pattern;
    std::ofstream file(path + "/bell.wav", std::ios::binary);
    const auto put = [&](std::uint32_t value, int bytes) {
      for (int byte = 0; byte < bytes; ++byte) {
        file.put(static_cast<char>(value >> (8 * byte) & 0xff));
      }
    };
    file << "RIFF";
    put(36 + 9600, 4);
    file << "WAVEfmt ";
    for (const auto& [value, bytes] :
         {std::pair{16U, 4}, {1U, 2}, {1U, 2}, {48000U, 4}, {96000U, 4}, {2U, 2}, {16U, 2}}) {
      put(value, bytes);
    }
    file << "data";
    put(9600, 4);
    for (int sample = 0; sample < 4800; ++sample) {
      put(0x4000, 2);
    }
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

/// Sound of a pipeline that is always 1.
class Ones final : public dipstream::LiveInput {
 public:
  void read(std::int64_t, std::uint32_t samples, float* const* rows) noexcept override {
    std::fill_n(rows[0], samples, 1.0F);
  }
};

std::string problems_of(const json& with, const std::string& folder) {
  try {
    (void)read_terms(with, folder);
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::Spec);
    return error.what();
  }
  return "";
}

}  // namespace

TEST_SUITE("apps/jack_writer mixer") {
  TEST_CASE("sources, buses and cues of a pipeline file are heard at their samples") {
    const Folder folder;
    const json with = {{"buses", {{"Tape", {{"gain", "-80dB"}}}}},
                       {"sources",
                        {{"bell", {{"path", "bell.wav"}, {"channels", {2}}}},
                         {"mute", {{"path", "bell.wav"}, {"bus", "Tape"}}}}},
                       {"cues",
                        {{{"start", "bell"}, {"at", "100ms"}, {"loop", true}},
                         {{"stop", "bell"}, {"at", "250ms"}},
                         {{"start", "mute"}, {"at", "0ms"}}}}};
    std::string complaint;
    PipelineMixer mixer({48000, 1, 2, "Master"},
                        read_terms(with, folder.path),
                        [&](const std::string& text) { complaint = text; });
    mixer.begin();
    mixer.send_cues(0);
    std::vector<float> left(24000);
    std::vector<float> right(24000);
    std::array<float*, 2> rows{left.data(), right.data()};
    mixer.host().render({0, 0, 1e9 / 48000, 0, 0}, 24000, rows.data());
    mixer.turn(0);
    CHECK(complaint.empty());
    bool exact = true;
    for (std::size_t at = 0; at < right.size(); ++at) {
      exact = exact && right[at] == (at >= 4800 && at < 12000 ? 0.5F : 0.0F) && left[at] == 0.0F;
    }
    CHECK(exact);
    CHECK(mixer.peak() == 0.5F);
  }

  TEST_CASE("everything that is wrong with them is said at once, before anything runs") {
    const Folder folder;
    const json with = {{"buses", {{"Tape", {{"gain", "3ms"}}}, {"Loop", {{"send_to", "Nowhere"}}}}},
                       {"sources",
                        {{"bell", {{"path", "none.wav"}, {"colour", 1}}},
                         {"gong", {{"bus", "Sfx"}}},
                         {"good", {{"path", "bell.wav"}}}}},
                       {"cues",
                        {{{"start", "bel"}, {"at", "1s"}},
                         {{"start", "good"}},
                         {{"stop", "good"}, {"at", "1s"}, {"with_end", "bell"}},
                         {{"stop", "good"}, {"at", 1}},
                         {{"ring", "good"}, {"at", "1s"}}}}};
    const std::string all = problems_of(with, folder.path);
    for (const char* text : {"bus 'Tape' 'gain'",
                             "'Nowhere', which does not exist",
                             "there is no file",
                             "has no 'colour'",
                             "needs a 'path'",
                             "bus 'Sfx' that does not exist",
                             "names 'bel'",
                             "cue 2 needs exactly one of",
                             "cue 3 needs exactly one of",
                             "cue 4 'at'",
                             "cue 5 needs one of start"}) {
      INFO(text);
      INFO(all);
      CHECK(all.find(text) != std::string::npos);
    }
    CHECK(problems_of({{"sources", json::array()}}, ".").find("a mapping") != std::string::npos);
    CHECK(problems_of({{"bus", "Tape"}}, ".").find("no bus 'Tape'") != std::string::npos);
    CHECK(problems_of({{"buses", ""}, {"cues", ""}}, ".").empty());
  }

  TEST_CASE(
      "an experiment joins a pipeline's mixer, which has its bias and, if asked for, a port") {
    const Folder folder;
    PipelineMixer mixer({48000, 1, 2, "Master"},
                        read_terms(json::object(), folder.path),
                        [](const std::string&) {});
    mixer.begin();
    mixer.set_bias(2'000'000);
    std::vector<float> left(4800);
    std::vector<float> right(4800);
    std::array<float*, 2> rows{left.data(), right.data()};
    mixer.host().render({0, 0, 1e9 / 48000, 0, 0}, 4800, rows.data());
    CHECK(mixer.tcp_port() == 0);
    mixer.turn(480);  // nobody else is at the desk yet
    mixer.open(folder.path + "/s.mix", std::uint16_t{0});
    CHECK(mixer.tcp_port() != 0);
    dipstream::DipStream guest({.attach = folder.path + "/s.mix"});
    CHECK(guest.latency() == doctest::Approx(0.012).epsilon(1e-9));
    CHECK(guest.request(R"({"do": "list"})").find("\"pipeline\"") != std::string::npos);
    CHECK_THROWS_AS((void)guest.request(R"({"do": "stop", "voice": "pipeline"})"),
                    dipstream::StreamError);
  }

  TEST_CASE("what is muted before a death and after it comes back with the gain that was set") {
    const Folder folder;
    dipstream::test::Shelf shelf;
    Ones ones;
    std::int64_t frame = 0;
    std::unique_ptr<PipelineMixer> mixer;
    const auto make = [&] {
      mixer = std::make_unique<PipelineMixer>(
          PipelineMixer::Shape{48000, 1, 1, "Master"},
          read_terms(json::object(), folder.path),
          [](const std::string& what) { FAIL_CHECK(what); },
          &shelf);
      mixer->host().set_live(&ones);
    };
    const auto level = [&] {
      std::vector<float> row(480);
      float* rows = row.data();
      mixer->turn(0);
      mixer->host().render({frame, frame * 20833, 1e9 / 48000, 0, 1}, 480, &rows);
      frame += 480;
      return row.back();
    };
    make();
    mixer->begin();
    mixer->set_gain(-20);
    CHECK(level() == doctest::Approx(0.1));
    mixer.reset();
    make();
    REQUIRE(mixer->restored());
    mixer->know_gain(-20, false);
    CHECK(level() == doctest::Approx(0.1));
    mixer->set_mute(true);
    CHECK(level() == 0);
    mixer->set_mute(false);
    CHECK(level() == doctest::Approx(0.1));
  }

  TEST_CASE("a successor goes on along the timeline, cues and all") {
    const Folder folder;
    const json with = {{"sources",
                        {{"bell", {{"path", "bell.wav"}, {"channels", {1}}}},
                         {"gong", {{"path", "bell.wav"}, {"channels", {2}}}}}},
                       {"cues",
                        {{{"start", "bell"}, {"at", "10ms"}},
                         {{"start", "gong"}, {"with_end", "bell"}, {"offset", "10ms"}}}}};
    PipelineMixer mixer(
        {48000, 1, 2, "Master"}, read_terms(with, folder.path), [](const std::string&) {});
    // The stream began at frame 5000; its writer died at 6000, and we are there at 7000.
    mixer.go_on(5000, 6000);
    std::vector<float> left(20000);
    std::vector<float> right(20000);
    std::array<float*, 2> rows{left.data(), right.data()};
    mixer.host().render({7000, 0, 1e9 / 48000, 0, 3}, 20000, rows.data());
    CHECK(mixer.host().engine().position() == 22000);
    bool exact = true;
    for (std::int64_t at = 0; at < 20000; ++at) {
      const std::int64_t sample = at + 2000;  // of the stream
      const auto index = static_cast<std::size_t>(at);
      exact = exact && left[index] == (sample >= 480 && sample < 5280 ? 0.5F : 0.0F) &&
              right[index] == (sample >= 5760 && sample < 10560 ? 0.5F : 0.0F);
    }
    CHECK(exact);
  }
}
