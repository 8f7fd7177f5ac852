// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

/// What a plug-in class has: its frame call, its hooks, its constants. Included by the skin.

#include <avrig/plugin/author.hpp>

#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace avrig::plugin::skin {

template <class View>
inline constexpr bool kIsOutput =
    std::is_same_v<View, AudioOut> || std::is_same_v<View, VideoOut> ||
    std::is_same_v<View, FeaturesOut> || std::is_same_v<View, PacketsOut>;

/// The arguments of a frame call, taken from its member-function type.
template <class Member>
struct Signature {
  static constexpr bool kNoexcept = false;
};
template <class R, class C, class... Args>
struct Signature<R (C::*)(Args...) noexcept> {
  static constexpr bool kNoexcept = true;
  using Result = R;
  using Arguments = std::tuple<std::remove_cvref_t<Args>...>;
  static constexpr bool kTakesCall = std::is_same_v<Arguments, std::tuple<Call>>;
};
template <class R, class C, class... Args>
struct Signature<R (C::*)(Args...) const noexcept> : Signature<R (C::*)(Args...) noexcept> {};

enum class Verb { Process, Edit, Look, Read, Write };

template <class T>
concept HasProcess = requires {
  &T::process;
};
template <class T>
concept HasEdit = requires {
  &T::edit;
};
template <class T>
concept HasLook = requires {
  &T::look;
};
template <class T>
concept HasRead = requires {
  &T::read;
};
template <class T>
concept HasWrite = requires {
  &T::write;
};
template <class T>
concept HasDrain = requires {
  &T::drain;
};
template <class T>
concept HasDescribe = requires(T t, Traits& traits) {
  t.describe(traits);
};
template <class T>
concept HasConfigure = requires(T t, Config& config) {
  t.configure(config);
};
template <class T>
concept HasStart = requires(T t) {
  t.start();
};
template <class T>
concept HasStop = requires(T t) {
  t.stop();
};
template <class T>
concept HasDiscontinuity = requires(T t) {
  t.discontinuity(std::uint32_t{}, std::uint32_t{});
};
template <class T>
concept HasSetParam = requires(T t, const Value& v) {
  t.set_param(std::string_view{}, v);
};

template <class T>
consteval Verb verb_of() {
  constexpr int kFound =
      int{HasProcess<T>} + int{HasEdit<T>} + int{HasLook<T>} + int{HasRead<T>} + int{HasWrite<T>};
  static_assert(kFound == 1,
                "a plug-in class has exactly one of process, edit, look, read, write (public, not "
                "overloaded)");
  return HasEdit<T>    ? Verb::Edit
         : HasLook<T>  ? Verb::Look
         : HasRead<T>  ? Verb::Read
         : HasWrite<T> ? Verb::Write
                       : Verb::Process;
}

template <class T>
consteval auto frame_call_of() {
  constexpr Verb kVerb = verb_of<T>();
  if constexpr (kVerb == Verb::Process) {
    return &T::process;
  } else if constexpr (kVerb == Verb::Edit) {
    return &T::edit;
  } else if constexpr (kVerb == Verb::Look) {
    return &T::look;
  } else if constexpr (kVerb == Verb::Read) {
    return &T::read;
  } else {
    return &T::write;
  }
}

// The constants that a class may leave out.
#define AVRIG_OPTIONAL_CONSTANT(function, constant, fallback) \
  template <class T>                                          \
  constexpr auto function() {                                 \
    if constexpr (requires { T::constant; }) {                \
      return T::constant;                                     \
    } else {                                                  \
      return fallback;                                        \
    }                                                         \
  }
AVRIG_OPTIONAL_CONSTANT(summary_of, kSummary, "")
AVRIG_OPTIONAL_CONSTANT(version_of, kVersion, "")
AVRIG_OPTIONAL_CONSTANT(pixel_formats_of, kPixelFormats, "")
AVRIG_OPTIONAL_CONSTANT(sample_rates_of, kSampleRates, "")
AVRIG_OPTIONAL_CONSTANT(channels_of, kChannels, "")
AVRIG_OPTIONAL_CONSTANT(block_of, kBlock, std::uint32_t{0})
AVRIG_OPTIONAL_CONSTANT(live_of, kLive, false)
AVRIG_OPTIONAL_CONSTANT(presents_of, kPresents, false)
AVRIG_OPTIONAL_CONSTANT(heal_of, kHeal, Heal::None)
AVRIG_OPTIONAL_CONSTANT(trigger_of, kTrigger, Trigger::All)
AVRIG_OPTIONAL_CONSTANT(tolerance_of, kToleranceNs, std::int64_t{0})
#undef AVRIG_OPTIONAL_CONSTANT

}  // namespace avrig::plugin::skin
