// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "scene_stages.hpp"

#include <avrig/shm/ring_editor.hpp>
#include <avrig/shm/ring_maker.hpp>
#include <avrig/shm/sweep.hpp>

#include <algorithm>
#include <string_view>

namespace avrig::shm::testing {
namespace {

// What the source holds: frames, a frame that the maker drops, a break, the end.
constexpr std::string_view kScript = "ffffxffbfffxfffff.";
static_assert(std::count(kScript.begin(), kScript.end(), 'f') == kFrames);

std::uint64_t frames_before(std::size_t position) {
  return static_cast<std::uint64_t>(
      std::count(kScript.begin(), kScript.begin() + static_cast<std::ptrdiff_t>(position), 'f'));
}

std::byte raw_byte(std::int64_t index, std::size_t at) {
  return static_cast<std::byte>((index * 31 + static_cast<std::int64_t>(at) * 7 + 3) & 0xff);
}

// The rerun editor stamps bytes 0..7; the undo editor adds to bytes 4..19, which is not idempotent.
std::byte stamp(std::int64_t index) {
  return static_cast<std::byte>(0xa0 + index);
}

bool is_right(const Taken& taken, bool edited) {
  for (std::size_t at = 0; at < kFrameBytes; ++at) {
    std::byte expected = raw_byte(taken.descriptor.index, at);
    if (edited && at < 8) {
      expected = stamp(taken.descriptor.index);
    }
    if (edited && at >= 4 && at < 20) {
      expected = static_cast<std::byte>((std::to_integer<unsigned>(expected) + 5 + at) & 0xff);
    }
    if (taken.payload[at] != expected) {
      return false;
    }
  }
  return true;
}

void note(const StageSetting& setting, Role role, const Taken& taken, bool edited) {
  if (taken.kind != Kind::Frame) {
    return;
  }
  std::uint64_t& place =
      setting.journal->seen[static_cast<std::size_t>(role)][taken.sequence % Journal::kSequences];
  const std::uint64_t value = static_cast<std::uint64_t>(taken.descriptor.index) + 1;
  const bool wrong = !is_right(taken, edited) || (place != 0 && place != value);
  place = value | (place & Journal::kWrong) | (wrong ? Journal::kWrong : 0);
}

bool take(const StageSetting& setting, RingFollower& follower, Taken& taken) {
  const RingFollower::Next next = follower.try_next(taken);
  setting.journal->broken += next == RingFollower::Next::Broken ? 1u : 0u;
  return next == RingFollower::Next::Taken;
}

class Maker : public Stage {
 public:
  explicit Maker(const StageSetting& setting)
      : setting_(setting), ring_(setting.pool), maker_(ring_, setting.bells) {
    position_ = maker_.last() ? static_cast<std::size_t>(maker_.last()->source_position) : 0;
    if (setting.mutant == Mutant::OwnProgressWord) {
      position_ = setting.journal->progress;
    }
  }

  bool step() override {
    if (position_ >= kScript.size() || !maker_.ready()) {
      return false;
    }
    Descriptor descriptor{};
    descriptor.index = static_cast<std::int64_t>(frames_before(position_));
    descriptor.source_position = static_cast<std::int64_t>(position_) + 1;
    switch (kScript[position_]) {
      case 'f':
        publish_frame(descriptor);
        break;
      case 'x':
        maker_.publish(Kind::Empty, descriptor);
        break;
      case 'b':
        maker_.publish(Kind::Break, descriptor);
        break;
      default:
        maker_.publish(Kind::End, descriptor);
    }
    setting_.journal->progress = ++position_;
    return true;
  }

  [[nodiscard]] bool ended() const override { return maker_.ended(); }

 private:
  void publish_frame(Descriptor& descriptor) {
    const auto buffer = maker_.try_claim();
    if (!buffer) {
      ++setting_.journal->broken;
      return;
    }
    const auto bytes = maker_.memory(*buffer);
    for (std::size_t at = 0; at < kFrameBytes; ++at) {
      bytes[at] = raw_byte(descriptor.index, at);
    }
    maker_.publish(descriptor, *buffer);
  }

  StageSetting setting_;
  Ring ring_;
  RingMaker maker_;
  std::size_t position_ = 0;
};

class Looker : public Stage {
 public:
  Looker(Role role, std::uint32_t participant, const StageSetting& setting)
      : setting_(setting),
        role_(role),
        ring_(role == Role::Presenter ? setting.reference : setting.pool),
        pool_(setting.pool),
        pools_{&pool_},
        follower_(ring_, participant, setting.bells, pools_) {
    follower_.release_all();
  }

  bool step() override {
    Taken taken;
    if (!take(setting_, follower_, taken)) {
      return false;
    }
    const bool edited = role_ != Role::Raw && setting_.flow == Flow::Lossless;
    if (setting_.mutant == Mutant::CompletesFirst) {
      follower_.complete(taken);
      note(setting_, role_, taken, edited);
    } else {
      note(setting_, role_, taken, edited);
      follower_.complete(taken);
    }
    follower_.release_all();
    return true;
  }

  [[nodiscard]] bool ended() const override { return follower_.ended(); }

 private:
  StageSetting setting_;
  Role role_;
  Ring ring_;
  Ring pool_;
  std::array<Ring*, 1> pools_;
  RingFollower follower_;
};

class Editor : public Stage {
 public:
  Editor(Role role, std::uint32_t participant, const StageSetting& setting)
      : setting_(setting),
        role_(role),
        ring_(setting.pool),
        editor_(ring_, participant, setting.bells) {
    editor_.release_all();
  }

  bool step() override {
    Taken taken;
    if (!take(setting_, editor_, taken)) {
      return false;
    }
    if (taken.kind == Kind::Frame) {
      edit(taken);
    }
    editor_.complete(taken);
    editor_.release_all();
    return true;
  }

  [[nodiscard]] bool ended() const override { return editor_.ended(); }

 private:
  void edit(const Taken& taken) {
    AVRIG_SWEEP_WINDOW(Edit);
    if (role_ == Role::Rerun) {
      std::fill_n(taken.payload.begin(), 8, stamp(taken.descriptor.index));
      return;
    }
    constexpr std::array<Region, 2> kRegions{Region{4, 4, 2, 4, 0}, Region{12, 8, 1, 8, 0}};
    if (setting_.mutant != Mutant::NoBeforeImage && !editor_.save(taken, kRegions)) {
      ++setting_.journal->broken;
    }
    for (std::size_t at = 4; at < 20; ++at) {
      taken.payload[at] =
          static_cast<std::byte>((std::to_integer<unsigned>(taken.payload[at]) + 5 + at) & 0xff);
    }
  }

  StageSetting setting_;
  Role role_;
  Ring ring_;
  RingEditor editor_;
};

class Gate : public Stage {
 public:
  explicit Gate(const StageSetting& setting)
      : setting_(setting),
        input_ring_(setting.pool),
        output_ring_(setting.reference),
        input_(input_ring_, 3, setting.bells),
        output_(output_ring_, setting.bells) {
    if (output_.last()) {
      input_.skip_to(output_.last()->origin[0]);
    }
  }

  bool step() override {
    follow_hold();
    Taken taken;
    if (output_.ended() || !output_.ready() || !take(setting_, input_, taken)) {
      return false;
    }
    Descriptor descriptor = taken.descriptor;
    descriptor.origin[0] = taken.sequence + 1;
    descriptor.reference_ring = input_ring_.id();
    descriptor.reference_buffer = taken.buffer;
    output_.publish(taken.kind, descriptor);
    input_.complete(taken);
    return true;
  }

  [[nodiscard]] bool ended() const override { return output_.ended() && input_.ended(); }

 private:
  // Our hold stays behind every frame that an unreleased descriptor names.
  void follow_hold() {
    const std::uint64_t tail = output_.tail();
    if (tail == output_.head()) {
      input_.release_all();
      return;
    }
    Descriptor oldest;
    Kind kind = Kind::None;
    if (output_.read(tail, oldest, kind)) {
      input_.release(oldest.origin[0] - 1);
    }
  }

  StageSetting setting_;
  Ring input_ring_;
  Ring output_ring_;
  RingFollower input_;
  RingMaker output_;
};

}  // namespace

Stalled::Stalled(const StageSetting& setting)
    : setting_(setting), ring_(setting.pool), follower_(ring_, 0, setting.bells) {
  follower_.release_all();
}

bool Stalled::step() {
  if (!in_hand_) {
    in_hand_ = take(setting_, follower_, taken_);
    return in_hand_;
  }
  if (!awake_) {
    return false;
  }
  note(setting_, Role::Raw, taken_, false);
  follower_.complete(taken_);
  follower_.release_all();
  in_hand_ = false;
  return true;
}

std::unique_ptr<Stage> start_stage(Role role, const StageSetting& setting) {
  AVRIG_SWEEP_WINDOW(Attach);
  const bool live = setting.flow == Flow::Live;
  switch (role) {
    case Role::Maker:
      return std::make_unique<Maker>(setting);
    case Role::Raw:
      return live ? std::unique_ptr<Stage>(std::make_unique<Stalled>(setting))
                  : std::make_unique<Looker>(role, 0, setting);
    case Role::Rerun:
      return std::make_unique<Editor>(role, 1, setting);
    case Role::Undo:
      return std::make_unique<Editor>(role, 2, setting);
    case Role::Gate:
      return std::make_unique<Gate>(setting);
    case Role::Recorder:
      return std::make_unique<Looker>(role, live ? 1 : 4, setting);
    case Role::Preview:
      return std::make_unique<Looker>(role, live ? 2 : 5, setting);
    case Role::Presenter:
      return std::make_unique<Looker>(role, 0, setting);
  }
  return nullptr;
}

}  // namespace avrig::shm::testing
