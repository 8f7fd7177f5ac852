// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

/// Finding plug-in libraries and loading them. A process that loads one runs its code: only stage
/// processes do, never the launcher.
///
/// How a stage names its plug-in (`process: NAME`, `read: NAME`, `write: NAME`):
///   gain              gain.so in the folders of search_folders()
///   ./x.so, /a/x.so   that file; relative ones are relative to the pipeline file
///   ./x.so:blur       the component `blur` of a library with several; also `name:blur`

#include <avrig/plugin.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace avrig::plugin {

/// A stage's plug-in as written, taken apart.
struct Reference {
  std::string library;    ///< a bare name or a path
  std::string component;  ///< empty: the library's only one, or the one named as the library
  bool is_path = false;   ///< has a slash or ends with .so
};

/// Thread: any      RT-safe: no
[[nodiscard]] Reference parse_reference(std::string_view text);

/// Where bare names are looked for, in this order: AVRIG_PLUGIN_PATH (colon-separated),
/// lib/avrig/processors beside the program's bin, the installed folder.
[[nodiscard]] std::vector<std::filesystem::path> search_folders();

/// The bare names that can be found now, sorted. Opens no library.
[[nodiscard]] std::vector<std::string> list_plugins();

/// The file that a reference names; relative paths start at `base`.
///
/// Throws Error(Open) when there is none, naming the folders looked in and the nearest name.
[[nodiscard]] std::filesystem::path find_library(const Reference& reference,
                                                 const std::filesystem::path& base = {});

/// Why a file of this size and first bytes cannot be loaded by a program with those; empty = it can
/// be. Both are the first 64 bytes of a file, or fewer where it is shorter. Pure.
[[nodiscard]] std::optional<std::string> find_elf_fault(std::span<const std::byte> header,
                                                        std::uint64_t file_bytes,
                                                        std::span<const std::byte> own_header);

/// A loaded and checked plug-in library.
///
/// It stays in the process to its end: a plug-in may leave threads or thread-local destructors
/// behind, and code that returns into an unloaded library crashes far from its cause. So moving
/// moves a name, and the destructor does nothing.
///
/// Thread: any      RT-safe: no
class PluginLibrary {
 public:
  /// Load the library at `path`. Throws Error(Open) with one line that names the file, what was
  /// seen and what to do: it is missing, unreadable, no shared library, for another machine, lacks
  /// a library or a symbol, speaks another ABI, or its tables are faulty.
  [[nodiscard]] static PluginLibrary load(const std::filesystem::path& path);

  PluginLibrary(PluginLibrary&&) noexcept = default;
  PluginLibrary& operator=(PluginLibrary&&) noexcept = default;
  PluginLibrary(const PluginLibrary&) = delete;
  PluginLibrary& operator=(const PluginLibrary&) = delete;
  ~PluginLibrary() = default;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] const avrig_plugin_descriptor& descriptor() const noexcept { return *descriptor_; }
  [[nodiscard]] std::span<const avrig_component* const> components() const noexcept {
    return {descriptor_->components, descriptor_->component_count};
  }

  /// The component that a stage of this role (AVRIG_READER, ...) means. With an empty name: the
  /// only one of that role, or the one named as the file. Throws Error(Open) listing what there is.
  [[nodiscard]] const avrig_component& component(std::uint32_t role, std::string_view name) const;

 private:
  PluginLibrary(std::filesystem::path path, const avrig_plugin_descriptor* descriptor) noexcept
      : path_(std::move(path)), descriptor_(descriptor) {}

  std::filesystem::path path_;
  const avrig_plugin_descriptor* descriptor_;
};

}  // namespace avrig::plugin
