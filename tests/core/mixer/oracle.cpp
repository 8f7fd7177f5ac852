// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "oracle.hpp"

#include <algorithm>

namespace avrig::mixer::test {

Oracle::Oracle(std::vector<Source> sources, unsigned outputs, std::int64_t begin)
    : sources_(std::move(sources)), outputs_(outputs), now_(begin), voices_(sources_.size()) {}

int Oracle::rank(CommandKind kind) {
  switch (kind) {
    case CommandKind::Stop:
      return 3;
    case CommandKind::Pause:
      return 4;
    case CommandKind::Resume:
      return 5;
    default:
      return 6;
  }
}

bool Oracle::live(int play) const {
  return play >= 0 && plays_[static_cast<std::size_t>(play)].phase != Phase::Over &&
         plays_[static_cast<std::size_t>(play)].phase != Phase::Never;
}

void Oracle::tell(EventKind kind, int play, std::int64_t late) {
  const Play& p = plays_[static_cast<std::size_t>(play)];
  happenings_.emplace_back(kind, static_cast<std::uint32_t>(p.voice), now_, late, p.number);
}

Oracle::Time Oracle::due(const Item& item) const {
  // Its anchor may have been put off as well: it is late against where that one really starts.
  const Time when = wanted(item);
  return item.put_off && when ? Time(std::max(*when, *item.put_off)) : when;
}

Oracle::Time Oracle::wanted(const Item& item) const {
  const When& when = item.command.when;
  if (when.kind == WhenKind::Now) {
    return item.given + item.moved;
  }
  if (when.kind == WhenKind::At) {
    return when.sample;
  }
  const Play& anchor = plays_[static_cast<std::size_t>(item.anchor.play)];
  const Time base = item.anchor.end ? end_of(anchor) : start_of(anchor);
  return base ? Time(*base + when.sample) : std::nullopt;
}

Oracle::Time Oracle::start_of(const Play& play) const {
  if (play.phase == Phase::Waiting) {
    return due(items_[static_cast<std::size_t>(play.start)]);
  }
  return play.began;
}

Oracle::Time Oracle::left(const Play& play) const {
  const auto length =
      static_cast<std::int64_t>(sources_[static_cast<std::size_t>(play.voice)].data.size());
  const LoopSpec& loop = play.how.loop;
  const std::int64_t end = loop.end == 0 ? length : loop.end;
  if (loop.count == 1 || play.index >= end || (loop.count > 1 && play.passes >= loop.count)) {
    return length - play.index;
  }
  if (loop.count == 0) {
    return std::nullopt;
  }
  return (end - play.index) + (loop.count - play.passes) * (end - loop.begin) + (length - end);
}

Oracle::Time Oracle::end_of(const Play& play) const {
  const auto known = ends_.find(&play);
  if (known != ends_.end()) {
    return known->second;
  }
  const Time end = work_out_end(play);
  ends_[&play] = end;
  return end;
}

Oracle::Time Oracle::work_out_end(const Play& play) const {
  Time stop;
  if (play.stop >= 0 && items_[static_cast<std::size_t>(play.stop)].pending) {
    stop = due(items_[static_cast<std::size_t>(play.stop)]);
  }
  if (play.phase == Phase::Waiting) {
    const Time start = start_of(play);
    if (!start || (stop && *stop <= *start)) {
      return std::nullopt;
    }
    const Time length = left(play);
    const Time natural = length ? Time(*start + *length) : std::nullopt;
    return !stop ? natural : !natural ? stop : Time(std::min(*natural, *stop));
  }
  if (play.phase == Phase::Sounding) {
    const Time length = left(play);
    const Time natural = length ? Time(now_ + *length) : std::nullopt;
    const Time cut = stop ? Time(std::max(*stop, now_)) : std::nullopt;
    return !cut ? natural : !natural ? cut : Time(std::min(*natural, *cut));
  }
  if (play.phase == Phase::Frozen) {
    return stop;
  }
  return play.ended;
}

// Does `from` wait, directly or not, for `goal`?
bool Oracle::waits(Ref from, Ref goal, std::vector<Ref>& seen) const {
  if (from.play == goal.play && from.end == goal.end) {
    return true;
  }
  for (const Ref& one : seen) {
    if (one.play == from.play && one.end == from.end) {
      return false;
    }
  }
  seen.push_back(from);
  const Play& play = plays_[static_cast<std::size_t>(from.play)];
  const int item = from.end ? play.stop : play.start;
  if (from.end && waits({from.play, false}, goal, seen)) {
    return true;
  }
  if (item < 0 || !items_[static_cast<std::size_t>(item)].pending) {
    return false;
  }
  const Ref& anchor = items_[static_cast<std::size_t>(item)].anchor;
  return anchor.play >= 0 && waits(anchor, goal, seen);
}

bool Oracle::bind(int index, bool last) {
  Item& item = items_[static_cast<std::size_t>(index)];
  const When& when = item.command.when;
  if (when.kind == WhenKind::WithStart || when.kind == WhenKind::WithEnd) {
    Voice& other = voices_[slot_of(when.voice)];
    if (!live(other.latest) && !last) {
      return true;
    }
    if (other.latest < 0) {
      Play unasked;
      unasked.voice = static_cast<int>(slot_of(when.voice));
      plays_.push_back(unasked);
      other.latest = static_cast<int>(plays_.size()) - 1;
    }
    if (plays_[static_cast<std::size_t>(other.latest)].phase == Phase::Never) {
      return false;
    }
    item.anchor = {other.latest, when.kind == WhenKind::WithEnd};
    const bool stop = item.command.kind == CommandKind::Stop;
    Play& play = plays_[static_cast<std::size_t>(item.play)];
    const int old = play.stop;
    if (stop) {
      play.stop = -1;
    }
    const bool replaced = stop && old > index;
    const bool orders = (stop && !replaced) || item.command.kind == CommandKind::Start;
    std::vector<Ref> seen;
    const bool cycle = orders && waits(item.anchor, {item.play, stop}, seen);
    if (stop) {
      play.stop = old;
    }
    if (cycle) {
      return false;
    }
  }
  item.bound = true;
  if (item.command.kind == CommandKind::Stop) {
    int& stop = plays_[static_cast<std::size_t>(item.play)].stop;
    stop = std::max(stop, index);
  }
  return true;
}

bool Oracle::admit(const Command& command) {
  Voice& voice = voices_[slot_of(command.voice)];
  const bool anchored =
      command.when.kind == WhenKind::WithStart || command.when.kind == WhenKind::WithEnd;
  const bool ordering = command.kind == CommandKind::Start || command.kind == CommandKind::Stop;
  if (anchored && ordering && command.when.voice == command.voice) {
    return false;
  }
  Item item;
  item.command = command;
  item.given = now_;
  if (command.kind == CommandKind::Start) {
    const auto length = static_cast<std::int64_t>(sources_[slot_of(command.voice)].data.size());
    if (command.as.start.starting_idx < 0 || command.as.start.starting_idx >= length) {
      return false;
    }
    if (voice.latest < 0 ||
        plays_[static_cast<std::size_t>(voice.latest)].phase != Phase::Unasked) {
      plays_.emplace_back();
      voice.latest = static_cast<int>(plays_.size()) - 1;
    }
    Play& play = plays_[static_cast<std::size_t>(voice.latest)];
    play.voice = static_cast<int>(slot_of(command.voice));
    play.number = ++voice.starts;
    play.phase = Phase::Waiting;
    play.how = command.as.start;
    play.index = play.how.starting_idx;
    play.start = static_cast<int>(items_.size());
    item.play = voice.latest;
  } else {
    if (!live(voice.latest) ||
        plays_[static_cast<std::size_t>(voice.latest)].phase == Phase::Unasked) {
      return false;
    }
    item.play = voice.latest;
  }
  items_.push_back(item);
  return true;
}

bool Oracle::apply(const std::vector<Command>& batch) {
  ends_.clear();
  if (batch[0].kind == CommandKind::Cancel) {
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (items_[i].pending && items_[i].command.request == batch[0].as.cancel.request &&
          items_[i].command.voice == batch[0].voice) {
        drop_item(static_cast<int>(i), true);
        return true;
      }
    }
    return false;
  }
  const auto voices = voices_;
  const auto plays = plays_;
  const auto items = items_;
  const std::size_t first = items_.size();
  bool good = true;
  for (std::size_t i = 0; i < batch.size() && good; ++i) {
    good = admit(batch[i]) && bind(static_cast<int>(first + i), batch.size() == 1);
  }
  for (std::size_t i = first; i < items_.size() && good; ++i) {
    good = items_[i].bound || bind(static_cast<int>(i), true);
  }
  if (!good) {
    voices_ = voices;
    plays_ = plays;
    items_ = items;
    return false;
  }
  for (std::size_t i = 0; i < items_.size(); ++i) {
    Item& item = items_[i];
    if (item.pending && item.command.kind == CommandKind::Stop &&
        plays_[static_cast<std::size_t>(item.play)].stop != static_cast<int>(i)) {
      drop_item(static_cast<int>(i), true);
    }
  }
  if (batch.size() > 1) {
    shift(first);
  }
  return true;
}

void Oracle::shift(std::size_t first) {
  ends_.clear();
  std::int64_t earliest = now_;
  for (std::size_t i = first; i < items_.size(); ++i) {
    if (items_[i].command.kind != CommandKind::Start) {
      continue;
    }
    const Item* root = &items_[i];
    while (root->anchor.play >= 0 &&
           plays_[static_cast<std::size_t>(root->anchor.play)].phase == Phase::Waiting) {
      root = &items_[static_cast<std::size_t>(
          plays_[static_cast<std::size_t>(root->anchor.play)].start)];
    }
    const bool soon =
        root->anchor.play < 0 && root->command.when.kind == WhenKind::Now && root >= &items_[first];
    const Time when = due(items_[i]);
    if (soon && when) {
      earliest = std::min(earliest, *when);
    }
  }
  for (std::size_t i = first; i < items_.size(); ++i) {
    if (items_[i].command.kind == CommandKind::Start) {
      items_[i].moved = now_ - earliest;
    }
  }
}

void Oracle::drop_item(int index, bool told) {
  Item& item = items_[static_cast<std::size_t>(index)];
  item.pending = false;
  if (told) {
    happenings_.emplace_back(EventKind::Cancelled, slot_of(item.command.voice), now_, 0, 0);
  }
  if (item.command.kind == CommandKind::Start) {
    never(item.play);
  }
}

void Oracle::never(int index) {
  plays_[static_cast<std::size_t>(index)].phase = Phase::Never;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (items_[i].pending && (items_[i].play == index || items_[i].anchor.play == index)) {
      drop_item(static_cast<int>(i), true);
    }
  }
}

void Oracle::finish(int index) {
  Play& play = plays_[static_cast<std::size_t>(index)];
  play.phase = Phase::Over;
  play.ended = now_;
  voices_[static_cast<std::size_t>(play.voice)].current = -1;
}

void Oracle::begin(int index) {
  Item& item = items_[static_cast<std::size_t>(index)];
  const int number = item.play;
  Play& play = plays_[static_cast<std::size_t>(number)];
  if (sound_from_ && play.how.late == Late::Play) {
    item.put_off = sound_from_;
    return;
  }
  const std::int64_t when = *wanted(item);
  const std::int64_t late = now_ - when;
  item.pending = false;
  const Time length = left(play);
  if ((play.how.late == Late::Drop && (late > 0 || sound_from_)) ||
      (late > 0 && play.how.late == Late::Skip && length && *length <= late)) {
    tell(EventKind::Dropped, number, late);
    never(number);
    return;
  }
  Voice& voice = voices_[static_cast<std::size_t>(play.voice)];
  if (voice.current >= 0) {
    const int before = voice.current;
    tell(EventKind::Ended, before, 0);
    finish(before);
  }
  voice.current = number;
  play.phase = Phase::Sounding;
  play.began = now_;
  if (play.how.late == Late::Skip) {
    play.began = when;
    for (std::int64_t i = 0; i < late; ++i) {
      walk(play);
    }
  }
  tell(EventKind::Started, number, late);
}

void Oracle::perform(int index) {
  ends_.clear();
  Item& item = items_[static_cast<std::size_t>(index)];
  if (item.command.kind == CommandKind::Start) {
    begin(index);
    return;
  }
  const std::int64_t late = now_ - *due(item);
  item.pending = false;
  Play& play = plays_[static_cast<std::size_t>(item.play)];
  switch (item.command.kind) {
    case CommandKind::Stop:
      if (play.phase == Phase::Waiting) {
        happenings_.emplace_back(
            EventKind::Cancelled, slot_of(item.command.voice), now_, 0, play.number);
        items_[static_cast<std::size_t>(play.start)].pending = false;
        never(item.play);
      } else if (play.phase == Phase::Sounding || play.phase == Phase::Frozen) {
        tell(EventKind::Ended, item.play, late);
        finish(item.play);
      }
      break;
    case CommandKind::Pause:
      if (play.phase == Phase::Sounding) {
        play.phase = Phase::Frozen;
        tell(EventKind::Paused, item.play, late);
      }
      break;
    default:
      if (play.phase == Phase::Frozen) {
        play.phase = Phase::Sounding;
        tell(EventKind::Resumed, item.play, late);
      }
      break;
  }
}

// The first thing that is due, if anything is.
bool Oracle::work() {
  ends_.clear();
  int best = -1;
  int best_end = -1;
  std::tuple<std::int64_t, int, int> first{now_, 99, 0};
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const Time when = items_[i].pending ? due(items_[i]) : std::nullopt;
    if (when && *when <= now_) {
      const std::tuple<std::int64_t, int, int> key{
          *when, rank(items_[i].command.kind), static_cast<int>(i)};
      if (key < first) {
        first = key;
        best = static_cast<int>(i);
      }
    }
  }
  for (const Voice& voice : voices_) {
    if (voice.current < 0) {
      continue;
    }
    const Play& play = plays_[static_cast<std::size_t>(voice.current)];
    const auto size =
        static_cast<std::int64_t>(sources_[static_cast<std::size_t>(play.voice)].data.size());
    if (play.phase == Phase::Sounding && play.index >= size &&
        std::tuple<std::int64_t, int, int>{now_, 1, 0} < first) {
      first = {now_, 1, 0};
      best_end = voice.current;
    }
  }
  if (best_end >= 0) {
    tell(EventKind::Ended, best_end, 0);
    finish(best_end);
    return true;
  }
  if (best >= 0) {
    perform(best);
    return true;
  }
  return false;
}

std::vector<float> Oracle::step() {
  while (work()) {
  }
  std::vector<float> out(outputs_, 0.0F);
  for (Voice& voice : voices_) {
    if (voice.current < 0) {
      continue;
    }
    Play& play = plays_[static_cast<std::size_t>(voice.current)];
    if (play.phase != Phase::Sounding) {
      continue;
    }
    const Source& source = sources_[static_cast<std::size_t>(play.voice)];
    const float x = source.data[static_cast<std::size_t>(play.index)] * source.gain;
    for (const unsigned output : source.outputs) {
      out[output] += x;
    }
    walk(play);
  }
  ++now_;
  return out;
}

void Oracle::walk(Play& play) const {
  const auto size =
      static_cast<std::int64_t>(sources_[static_cast<std::size_t>(play.voice)].data.size());
  const LoopSpec& loop = play.how.loop;
  const std::int64_t end = loop.end == 0 ? size : loop.end;
  ++play.index;
  if (loop.count != 1 && play.index == end && (loop.count == 0 || play.passes < loop.count)) {
    play.index = loop.begin;
    ++play.passes;
  }
}

void Oracle::lose(std::int64_t samples) {
  const std::int64_t until = now_ + samples;
  sound_from_ = until;
  while (now_ < until) {
    (void)step();
  }
  sound_from_.reset();
}

}  // namespace avrig::mixer::test
