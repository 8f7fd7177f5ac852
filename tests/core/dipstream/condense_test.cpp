// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "mortal_rig.hpp"

#include <random>
#include <sys/stat.h>

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::dipstream;
using namespace avrig::dipstream::test;

namespace {

constexpr int kBlock = 64;

/// An experiment that never stops asking, with a writer that may die: what it asks for at a turn
/// depends on the turn alone.
class Storm {
 public:
  /// A writer that is dead during the turns `death` .. `death + hole - 1`.
  struct Death {
    int turn;
    int hole;
  };

  Storm(std::uint64_t condense_after, std::vector<Death> holes, bool dies)
      : rig_(condense_after), holes_(std::move(holes)), dies_(dies) {
    rig_.client = rig_.join();
    session_ = rig_.ask({{"do", "session"}}).at("session");
    (void)rig_.ask({{"do", "subscribe"}, {"events", "all"}});
    (void)rig_.ask({{"do", "bus"}, {"name", "Tape"}, {"add", true}, {"gain_db", -2}});
    (void)rig_.ask({{"do", "listener"}, {"position", {1, 2, 3}}});
    begin_ = rig_.host->engine().position();
  }

  void run(int turns) {
    for (const int end = turn_ + turns; turn_ < end; ++turn_) {
      const Death* hole = dead_at(turn_);
      // What became free in the hole is not known before its first cycle is over.
      const bool fresh = dead_at(turn_ - 1) != nullptr || dead_at(turn_ - 2) != nullptr;
      if (hole == nullptr && !fresh) {
        ask();
      } else if (hole != nullptr && dies_) {
        if (turn_ == hole->turn + hole->hole - 1) {
          die(hole->hole);
        }
        heard_.insert(heard_.end(), 2 * kBlock, 0.0F);
        continue;
      }
      rig_.run(1);
      for (const std::size_t row : {0U, 1U}) {
        const std::vector<float>& all = rig_.device->row(row);
        heard_.insert(heard_.end(), all.end() - kBlock, all.end());
      }
    }
  }

  void die(int hole) {
    const std::uint64_t seen = seq_;
    count_events();
    rig_.die(hole);
    REQUIRE(rig_.desk->restored());
    rig_.client = rig_.join();
    rig_.hear({{"do", "resume_session"}, {"session", session_}, {"seen", seq_}, {"id", -1}});
    CHECK(seq_ >= seen);
  }

  /// Events come in their order, none twice and none left out.
  void count_events() {
    for (const json& line : rig_.heard) {
      if (line.contains("seq") && line.contains("event")) {
        CHECK(line.at("seq") == seq_ + 1);
        seq_ = line.at("seq");
        ++kinds_[line.at("event").get<std::string>() + " " + line.at("state").get<std::string>()];
      }
    }
    rig_.heard.clear();
  }

  /// What the desk says of everything.
  json account() {
    count_events();
    rig_.run(40);
    count_events();
    json all = {{"buses", rig_.ask({{"do", "buses"}}).at("buses")}, {"voices", json::array()}};
    for (const json& voice : rig_.ask({{"do", "list"}}).at("voices")) {
      json one = rig_.ask({{"do", "voice"}, {"voice", voice.at("voice")}});
      one.erase("id");
      one.erase("mono_ns");
      all["voices"].push_back(one);
    }
    return all;
  }

  bool dead(std::size_t sample) const {
    return dead_at(static_cast<int>(sample / (2 * kBlock))) != nullptr;
  }

  MortalRig rig_;
  std::vector<float> heard_;
  std::map<std::string, int> kinds_;

 private:
  const Death* dead_at(int turn) const {
    for (const Death& hole : holes_) {
      if (turn >= hole.turn && turn < hole.turn + hole.hole) {
        return &hole;
      }
    }
    return nullptr;
  }

  void ask() {
    std::mt19937 random(static_cast<unsigned>(turn_) * 7919U + 1U);
    const auto pick = [&](int most) {
      return static_cast<int>(random() % static_cast<unsigned>(most));
    };
    const auto name = [](int number) {
      return "v" + std::to_string(number);
    };
    const auto some = [&] {
      return name(std::max(0, turn_ / 3 - pick(24)));
    };
    const auto soon = [&] {
      return begin_ + (turn_ + 1) * kBlock + pick(3000);
    };
    std::vector<json> all;
    if (turn_ % 3 == 0) {
      all.push_back({{"do", "add"},
                     {"data", base64(ramp(300 + pick(900)))},
                     {"name", name(turn_ / 3)},
                     {"channels", {1 + pick(2)}},
                     {"pitch", pick(4) == 0 ? 1.5 : 1.0},
                     {"bus", pick(3) == 0 ? "Tape" : "SFX"}});
    }
    if (turn_ % 3 == 1 && turn_ > 90) {
      all.push_back({{"do", "remove"}, {"voice", name(turn_ / 3 - 28)}, {"force", true}});
    }
    all.push_back({{"do", "start"}, {"voice", some()}, {"at_sample", soon()}, {"late", "skip"}});
    all.push_back({{"do", "start"},
                   {"voice", some()},
                   {"at_sample", soon()},
                   {"late", "skip"},
                   {"loop", true},
                   {"report_loops", true}});
    all.push_back({{"do", "start"}, {"voice", some()}, {"with_end", some()}, {"late", "skip"}});
    all.push_back({{"do", "stop"}, {"voice", some()}, {"at_sample", soon()}, {"fade", 0.003}});
    all.push_back({{"do", "set"},
                   {"voice", some()},
                   {"gain_db", -pick(20)},
                   {"at_sample", soon()},
                   {"ramp", 500}});
    all.push_back({{"do", "emitter"}, {"voice", some()}, {"position", {pick(9), 1, 2}}});
    if (pick(40) == 0) {
      all.push_back({{"do", "bus"}, {"name", "Tape"}, {"gain_db", -pick(12)}});
      all.push_back({{"do", "listener"}, {"position", {pick(3), 0, 0}}});
    }
    for (json& request : all) {
      request["id"] = ++id_;
      rig_.hear(request);
    }
  }

  std::vector<Death> holes_;
  bool dies_;
  std::string session_;
  std::int64_t begin_ = 0;
  int turn_ = 0;
  int id_ = 1000;
  std::uint64_t seq_ = 0;
};

std::size_t differences(const Storm& calm, const Storm& killed) {
  REQUIRE(calm.heard_.size() == killed.heard_.size());
  std::size_t different = 0;
  for (std::size_t at = 0; at < calm.heard_.size(); ++at) {
    different += !killed.dead(at) && calm.heard_[at] != killed.heard_[at] ? 1U : 0U;
  }
  return different;
}

std::uint64_t log_bytes(Shelf& shelf) {
  std::uint64_t bytes = 0;
  for (const auto& [name, fd] : shelf.kept()) {
    struct stat info {};
    REQUIRE(::fstat(fd.get(), &info) == 0);
    bytes += name.rfind("mixer-", 0) == 0 || name.rfind("desk-log", 0) == 0
                 ? static_cast<std::uint64_t>(info.st_size)
                 : 0;
  }
  return bytes;
}

}  // namespace

TEST_SUITE("core/dipstream condensing") {
  TEST_CASE("a storm that is condensed all the time and dies again and again goes on bit for bit") {
    constexpr int kTurns = 500;
    const std::vector<Storm::Death> holes{{17, 1}, {120, 9}, {131, 2}, {290, 30}, {420, 5}};
    Storm calm(0, holes, false);
    calm.run(kTurns);
    CHECK(calm.rig_.shelf.times("mixer-state") == 0);
    std::uint64_t condense_after = 0;
    SUBCASE("by whole logs") {
      condense_after = std::uint64_t{1} << 40;
    }
    SUBCASE("by states, one at each turn") {
      condense_after = 1;
    }
    SUBCASE("by states, now and then") {
      condense_after = 100'000;
    }
    Storm killed(condense_after, holes, true);
    killed.run(kTurns);
    CHECK(differences(calm, killed) == 0);
    CHECK(std::any_of(
        calm.heard_.begin() + 50'000, calm.heard_.end(), [](float x) { return x != 0; }));
    const int states = killed.rig_.shelf.times("mixer-state");
    CAPTURE(states);
    CHECK((condense_after == 1         ? states > 400
           : condense_after == 100'000 ? states > 5 && states < 200
                                       : states == 0));
    CHECK(calm.account() == killed.account());
    for (const char* kind : {"started", "ended", "looped", "applied", "removed"}) {
      const std::string one = std::string(kind) + " predicted";
      CAPTURE(one);
      CHECK(calm.kinds_[one] == killed.kinds_[one]);
    }
  }

  TEST_CASE("killed between any two steps of condensing, it goes on bit for bit") {
    constexpr int kTurns = 300;
    for (int words = 0; words < 4; ++words) {
      CAPTURE(words);
      // The chunks are large and the storm is small: the state takes the place of a whole one.
      const std::vector<Storm::Death> none;
      Storm calm(0, none, false);
      Storm killed(20'000, none, true);
      calm.run(kTurns);
      killed.run(100);
      const int states = killed.rig_.shelf.times("mixer-state");
      CHECK(states > 0);
      killed.rig_.shelf.deafen("mixer-state", words);
      int turns = 100;
      while (!killed.rig_.shelf.is_deaf()) {
        killed.run(1);
        REQUIRE(++turns < kTurns);
      }
      CHECK(killed.rig_.shelf.times("mixer-state") == states + (words > 0 ? 1 : 0));
      killed.rig_.shelf.hear_again();
      killed.die(0);
      killed.run(kTurns - turns);
      CHECK(differences(calm, killed) == 0);
      CHECK(calm.account() == killed.account());
    }
  }

  TEST_CASE("200000 commands leave bounded logs, and a successor that knows all of them") {
    MortalRig rig;
    rig.client = rig.join();
    const std::string session = rig.ask({{"do", "session"}}).at("session");
    for (int number = 0; number < 50; ++number) {
      (void)rig.add(ramp(9000), {{"name", "v" + std::to_string(number)}, {"channels", {1}}});
      (void)rig.ask({{"do", "start"}, {"voice", "v" + std::to_string(number)}, {"loop", true}});
    }
    std::uint64_t most = 0;
    for (int turn = 0; turn < 1000; ++turn) {
      json batch = {{"do", "batch"}, {"commands", json::array()}};
      for (int number = 0; number < 200; ++number) {
        batch["commands"].push_back({{"do", "set"},
                                     {"voice", "v" + std::to_string(number % 50)},
                                     {"gain_db", -(turn + number) % 30},
                                     {"ramp", 0}});
      }
      rig.hear(batch);
      rig.run(1);
      rig.heard.clear();
      most = std::max(most, log_bytes(rig.shelf));
    }
    CHECK(rig.desk->survives());
    CHECK(rig.shelf.times("mixer-state") >= 5);
    CHECK(most < (std::uint64_t{32} << 20));
    rig.run(10);
    // Of two successors one begins at once, the other after more of the same: both sound alike.
    const auto next = [&] {
      rig.run(1);
      const std::vector<float>& row = rig.device->row(0);
      return std::vector<float>(row.end() - kBlock, row.end());
    };
    std::vector<std::vector<float>> right;
    for (int turn = 0; turn < 141; ++turn) {
      right.push_back(next());  // 9024 samples: one round of 9000, and 24 more
    }
    rig.die(0);
    const std::vector<float> seen = next();
    for (std::size_t at = 0; at + 24 < kBlock; ++at) {
      CHECK(seen[at] == right[0][at + 24]);
    }
  }
}
