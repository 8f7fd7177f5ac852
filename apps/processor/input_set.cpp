// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "input_set.hpp"

#include <algorithm>

namespace avrig::processor {

using State = InputFeed::State;

void InputSet::choose_only(std::size_t index) noexcept {
  std::fill(steps_.begin(), steps_.end(), false);
  steps_[index] = true;
  which_ = index;
}

InputSet::Next InputSet::next() noexcept {
  if (is_chosen_) {
    return chosen_;
  }
  const bool is_replaying =
      std::any_of(feeds_.begin(), feeds_.end(), [](const auto& feed) { return feed->replaying(); });
  bool all_ended = true;
  for (std::size_t index = 0; index < feeds_.size(); ++index) {
    InputFeed& feed = *feeds_[index];
    // A live order is what came first: new frames must not mix with those looked at again.
    if (is_replaying && !waits_for_all_ && trigger_ == AVRIG_TRIGGER_ANY && !feed.replaying() &&
        feed.state() == State::Waiting) {
      all_ended = false;
      continue;
    }
    const State state = feed.fetch();
    if (feeds_.size() > 1) {
      feed.mark_idle();  // it may have to wait for the others
    }
    all_ended = all_ended && state == State::Ended;
    if (state == State::Broken) {
      return Next::Broken;
    }
    if (state == State::Mark || state == State::Quarantined) {
      choose_only(index);
      is_chosen_ = true;
      chosen_ = state == State::Mark ? Next::Mark : Next::Quarantined;
      return chosen_;
    }
  }
  if (all_ended) {
    return Next::Ended;
  }
  chosen_ = trigger_ == AVRIG_TRIGGER_ANY || feeds_.size() == 1 ? next_any() : next_together();
  is_chosen_ = chosen_ == Next::Step;
  return chosen_;
}

InputSet::Next InputSet::next_any() noexcept {
  std::size_t earliest = feeds_.size();
  for (std::size_t index = 0; index < feeds_.size(); ++index) {
    const State state = feeds_[index]->state();
    if (state == State::Waiting && waits_for_all_) {
      return Next::Waiting;
    }
    if (state == State::Delivery &&
        (earliest == feeds_.size() ||
         feeds_[index]->first().capture_ns < feeds_[earliest]->first().capture_ns)) {
      earliest = index;
    }
  }
  if (earliest == feeds_.size()) {
    return Next::Waiting;
  }
  choose_only(earliest);
  return Next::Step;
}

InputSet::Next InputSet::next_together() noexcept {
  const auto is = [&](State state) {
    return std::any_of(
        feeds_.begin(), feeds_.end(), [&](const auto& feed) { return feed->state() == state; });
  };
  if (is(State::Ended)) {
    // The others find no partner any more; their frames are let go until they end too.
    for (auto& feed : feeds_) {
      if (feed->state() == State::Delivery) {
        ++passed_over_;
        feed->consume();
        feed->settle();
      }
    }
    return Next::Waiting;
  }
  if (is(State::Waiting) || (trigger_ == AVRIG_TRIGGER_PAIRED && pass_over_unpaired())) {
    return Next::Waiting;
  }
  std::fill(steps_.begin(), steps_.end(), true);
  which_ = 0;
  return Next::Step;
}

bool InputSet::pass_over_unpaired() noexcept {
  const auto [first, last] =
      std::minmax_element(feeds_.begin(), feeds_.end(), [](const auto& a, const auto& b) {
        return a->first().capture_ns < b->first().capture_ns;
      });
  if ((*last)->first().capture_ns - (*first)->first().capture_ns <= tolerance_ns_) {
    return false;
  }
  ++passed_over_;
  (*first)->consume();
  (*first)->bound();
  return true;
}

bool InputSet::ready() const noexcept {
  if (is_chosen_) {
    return true;
  }
  return std::any_of(feeds_.begin(), feeds_.end(), [](const auto& feed) {
    return feed->state() == State::Waiting && feed->ready();
  });
}

bool InputSet::is_last_end() const noexcept {
  for (std::size_t index = 0; index < feeds_.size(); ++index) {
    if (index != which_ && feeds_[index]->state() != State::Ended &&
        !feeds_[index]->follower().ended()) {
      return false;
    }
  }
  return true;
}

void InputSet::mark_busy(std::int64_t now_ns) noexcept {
  for (std::size_t index = 0; index < feeds_.size(); ++index) {
    if (steps_[index]) {
      feeds_[index]->mark_busy(now_ns);
    }
  }
}

void InputSet::mark_idle() noexcept {
  for (auto& feed : feeds_) {
    feed->mark_idle();
  }
}

void InputSet::consume(bool dropped) noexcept {
  for (std::size_t index = 0; index < feeds_.size(); ++index) {
    if (!steps_[index]) {
      continue;
    }
    if (dropped) {
      feeds_[index]->consume_dropped();
    } else {
      feeds_[index]->consume();
    }
  }
  is_chosen_ = false;
}

void InputSet::settle() noexcept {
  for (auto& feed : feeds_) {
    feed->settle();
  }
}

void InputSet::bound() noexcept {
  for (auto& feed : feeds_) {
    feed->bound();
  }
}

}  // namespace avrig::processor
