// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "host_rig.hpp"
#include "keeper.hpp"

#include <optional>
#include <random>

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::dipstream;
using namespace avrig::dipstream::test;
using mixer::EventKind;

namespace {

constexpr std::uint32_t kVoices = 64;

std::vector<std::vector<float>> make_sounds() {
  std::mt19937 random(5);
  std::uniform_real_distribution<float> level(-0.01F, 0.01F);
  std::vector<std::vector<float>> sounds(kVoices);
  for (std::size_t at = 0; at < sounds.size(); ++at) {
    sounds[at].resize(500 + at * 37);
    for (float& value : sounds[at]) {
      value = level(random);
    }
  }
  return sounds;
}

mixer::VoiceId voice(std::uint32_t number) {
  return mixer::make_voice(number + 1, 1);
}

/// What an experiment asks for before cycle `turn`: starts, stops, loops, pauses, removals.
std::vector<mixer::Command> wishes(int turn, std::mt19937& random, std::int64_t position) {
  std::vector<mixer::Command> list;
  if (turn < static_cast<int>(kVoices)) {
    const auto number = static_cast<std::uint32_t>(turn);
    list.push_back(mixer::add_voice(voice(number), number + 1, {number % 2}));
  }
  const auto pick = [&] {
    return voice(static_cast<std::uint32_t>(random() % kVoices));
  };
  const auto soon = [&] {
    return mixer::at(position + static_cast<std::int64_t>(random() % 9000));
  };
  for (int count = 0; count < 3; ++count) {
    switch (random() % 7) {
      case 0:
      case 1:
        list.push_back(mixer::start(pick(), soon()));
        break;
      case 2:
        list.push_back(mixer::start(pick(), soon(), mixer::kLoopForever));
        break;
      case 3:
        list.push_back(mixer::start(pick(), mixer::with_end(pick(), 100)));
        break;
      case 4:
        list.push_back(mixer::stop(pick(), soon(), 200));
        break;
      case 5:
        list.push_back(mixer::pause(pick(), soon()));
        list.push_back(mixer::resume(list.back().voice, soon()));
        break;
      default:
        list.push_back(mixer::set_gain(pick(), -3, soon(), 300));
    }
  }
  for (mixer::Command& command : list) {
    if (command.kind == mixer::CommandKind::Start) {
      command.as.start.late = mixer::Late::Skip;  // what begins in the hole is not put off
    }
  }
  return list;
}

/// A mixer of which a device makes `turns` cycles; killed before cycle `death`, its successor's
/// first cycle is `hole` blocks later.
class Story {
 public:
  /// `condense_every`: turns after which the log is condensed; 0 = never.
  Story(const std::vector<std::vector<float>>& sounds, int death, int hole, int condense_every = 0)
      : sounds_(&sounds), death_(death), hole_(hole), condense_every_(condense_every) {
    begin(false);
  }

  void tell(int turns) {
    std::mt19937 random(77);
    for (int turn = 0; turn < turns; ++turn) {
      if (turn == death_) {
        host_.reset();
        log_.reset();
        begin(true);
      }
      // In the hole nobody is asked for anything.
      const bool gone = turn >= death_ && turn < death_ + hole_;
      std::vector<mixer::Command> list = wishes(turn, random, turn * 64);
      for (mixer::Command& command : list) {
        command.request = ++requests_;
        if (!(turn >= hole_at && turn < hole_at + hole_)) {
          REQUIRE(host_->send(std::array{command}));
        }
      }
      if (gone) {
        frame_ += 64;
        std::fill_n(std::back_inserter(heard_), 128, 0.0F);
        continue;
      }
      cycle();
      if (condense_every_ > 0 && turn % condense_every_ == 0) {
        condense();
      }
    }
  }

  std::vector<float> heard_;
  std::vector<mixer::Event> holes_;
  int hole_at = INT32_MAX / 2;  // when nobody asks, also where nobody dies

 private:
  void begin(bool again) {
    host_.emplace(outputs(2), 0);
    log_.emplace(shelf_);
    for (std::uint32_t number = 0; number < kVoices; ++number) {
      lend(host_->engine(), number + 1, (*sounds_)[number]);
    }
    const auto drain = [&] {
      read_events();
    };
    if (again) {
      host_->replay(*log_, standpoint_, {[](auto) {}, [](auto, auto) {}, drain});
    }
    host_->record(*log_);
  }

  // What a desk does when the log has become long.
  void condense() {
    mixer::Engine silent(outputs(2));
    for (std::uint32_t number = 0; number < kVoices; ++number) {
      lend(silent, number + 1, (*sounds_)[number]);
    }
    const auto drain = [&] {
      mixer::Event ignored;
      while (silent.next_event(ignored)) {
      }
    };
    const std::int64_t sample = log_->progress().sample;
    standpoint_ =
        replay(silent, *log_, standpoint_, sample, sample, {[](auto) {}, [](auto, auto) {}, drain});
    standpoint_.engine = silent.save();
    CHECK(standpoint_.sample == sample);
    log_->drop_before(standpoint_.place);
  }

  void cycle() {
    std::array<std::vector<float>, 2> rows;
    std::array<float*, 2> pointers{};
    for (std::size_t row = 0; row < 2; ++row) {
      rows[row].resize(64);
      pointers[row] = rows[row].data();
    }
    host_->render({frame_, frame_ * 20833, kNsPerSample, 1000, 1}, 64, pointers.data());
    log_->supply();
    frame_ += 64;
    for (const std::vector<float>& row : rows) {
      heard_.insert(heard_.end(), row.begin(), row.end());
    }
    read_events();
  }

  void read_events() {
    mixer::Event event;
    while (host_->engine().next_event(event)) {
      if (event.kind == EventKind::Gap && event.voice == 0) {
        holes_.push_back(event);
      }
    }
  }

  const std::vector<std::vector<float>>* sounds_;
  int death_;
  int hole_;
  int condense_every_;
  Standpoint standpoint_;
  Shelf shelf_;
  std::optional<TimelineLog> log_;
  std::optional<MixerHost> host_;
  std::int64_t frame_ = 4000;
  std::uint64_t requests_ = 0;
};

}  // namespace

TEST_SUITE("core/dipstream survival") {
  TEST_CASE("the successor of 64 voices and their schedules goes on bit for bit") {
    const auto sounds = make_sounds();
    constexpr int kTurns = 600;
    int condense_every = 0;
    SUBCASE("by the whole log") {}
    SUBCASE("by one that was condensed after each block") {
      condense_every = 1;
    }
    SUBCASE("by one that was condensed now and then") {
      condense_every = 61;
    }
    for (const int death : {1, 63, 200, 333, 570}) {
      CAPTURE(death);
      const int hole = 1 + death % 17;
      Story calm(sounds, INT32_MAX / 2, hole);
      calm.hole_at = death;
      calm.tell(kTurns);
      Story killed(sounds, death, hole, condense_every);
      killed.hole_at = death;
      killed.tell(kTurns);
      REQUIRE(calm.heard_.size() == killed.heard_.size());
      std::size_t different = 0;
      for (std::size_t at = 0; at < calm.heard_.size(); ++at) {
        const auto turn = static_cast<int>(at / 128);
        const bool gone = turn >= death && turn < death + hole;
        different += !gone && calm.heard_[at] != killed.heard_[at] ? 1U : 0U;
      }
      CHECK(different == 0);
      CHECK(calm.holes_.empty());
      REQUIRE(killed.holes_.size() == 1);
      CHECK(killed.holes_[0].sample == death * 64);
      CHECK(killed.holes_[0].value == hole * 64);
    }
  }
}
