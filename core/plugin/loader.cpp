// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/plugin/checks.hpp>
#include <avrig/plugin/loader.hpp>
#include <avrig/unique_fd.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <numeric>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace avrig::plugin {
namespace {

namespace fs = std::filesystem;

using Entry = const avrig_plugin_descriptor* (*)() noexcept;
using Header = std::array<std::byte, sizeof(Elf64_Ehdr)>;

Error refuse(const fs::path& path, const std::string& why) {
  return Error(ErrorCode::Open, "cannot load plug-in " + path.string() + ": " + why);
}

/// The first bytes of a regular file, and how many it has in all.
struct Head {
  Header bytes{};
  std::size_t read = 0;
  std::uint64_t file_bytes = 0;

  [[nodiscard]] std::span<const std::byte> span() const noexcept { return {bytes.data(), read}; }
};

Head read_head(const fs::path& path) {
  // O_NONBLOCK: opening a FIFO must not wait for its other end.
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) {
    throw refuse(path,
                 std::string(std::strerror(errno)) +
                     (errno == EACCES ? " (make it readable for the user who runs avrig)"
                                      : " (build it, or correct the path)"));
  }
  struct stat seen {};
  if (::fstat(file.get(), &seen) != 0 || !S_ISREG(seen.st_mode)) {
    throw refuse(path, "it is not a regular file (name the .so itself)");
  }
  Head head;
  const ssize_t got = ::read(file.get(), head.bytes.data(), head.bytes.size());
  if (got < 0) {
    throw refuse(path, std::strerror(errno));
  }
  head.read = static_cast<std::size_t>(got);
  head.file_bytes = static_cast<std::uint64_t>(seen.st_size);
  return head;
}

void check_file(const fs::path& path) {
  const Head head = read_head(path);
  const Head own = read_head("/proc/self/exe");
  if (const auto fault = find_elf_fault(head.span(), head.file_bytes, own.span())) {
    throw refuse(path, *fault);
  }
}

std::string explain_dlerror(const fs::path& path) {
  const char* const seen = ::dlerror();
  std::string text = seen == nullptr ? "unknown reason" : seen;
  if (text.starts_with(path.string() + ": ")) {
    text.erase(0, path.string().size() + 2);
  }
  if (text.find("undefined symbol") != std::string::npos) {
    return text + " (link the library that defines it into the plug-in)";
  }
  if (text.find("cannot open shared object file") != std::string::npos) {
    return text + " (install that library, or set the plug-in's RPATH)";
  }
  return text;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::string suggest(std::string_view name) {
  std::string best;
  std::size_t least = name.size() / 3 + 2;
  for (const std::string& known : list_plugins()) {
    const std::size_t distance = edit_distance(name, known);
    if (distance < least) {
      least = distance;
      best = known;
    }
  }
  return best.empty() ? "" : "; did you mean '" + best + "'?";
}

fs::path program_folder() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).parent_path();
}

void add_folder(std::vector<fs::path>& folders, const fs::path& folder) {
  const fs::path plain = folder.lexically_normal();
  if (!plain.empty() && std::ranges::find(folders, plain) == folders.end()) {
    folders.push_back(plain);
  }
}

std::string list_components(std::span<const avrig_component* const> components) {
  std::string text;
  for (const avrig_component* const each : components) {
    text +=
        (text.empty() ? "" : ", ") + std::string(role_name(each->role)) + " '" + each->name + "'";
  }
  return text;
}

}  // namespace

Reference parse_reference(std::string_view text) {
  Reference reference{.library = std::string(text), .component = {}};
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && text.find('/', colon) == std::string_view::npos) {
    reference.library = text.substr(0, colon);
    reference.component = text.substr(colon + 1);
  }
  reference.is_path =
      reference.library.find('/') != std::string::npos || reference.library.ends_with(".so");
  return reference;
}

std::vector<fs::path> search_folders() {
  std::vector<fs::path> folders;
  const char* const set = std::getenv("AVRIG_PLUGIN_PATH");
  std::string_view list = set == nullptr ? "" : set;
  while (!list.empty()) {
    const std::size_t colon = std::min(list.find(':'), list.size());
    add_folder(folders, list.substr(0, colon));
    list.remove_prefix(std::min(colon + 1, list.size()));
  }
  const fs::path bin = program_folder();
  add_folder(folders, bin / "../lib/avrig/processors");
  add_folder(folders, bin / ".." / AVRIG_LIBDIR / "avrig/processors");
  add_folder(folders, AVRIG_INSTALLED_PROCESSORS);
  return folders;
}

std::vector<std::string> list_plugins() {
  std::vector<std::string> names;
  for (const fs::path& folder : search_folders()) {
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
      if (at->path().extension() == ".so") {
        names.push_back(at->path().stem().string());
      }
    }
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

fs::path find_library(const Reference& reference, const fs::path& base) {
  if (reference.is_path) {
    return (base / reference.library).lexically_normal();
  }
  std::string looked;
  for (const fs::path& folder : search_folders()) {
    const fs::path file = folder / (reference.library + ".so");
    std::error_code ignored;
    if (fs::exists(file, ignored)) {
      return file;
    }
    looked += (looked.empty() ? "" : ", ") + folder.string();
  }
  throw Error(ErrorCode::Open,
              "no plug-in '" + reference.library + "': looked in " + looked +
                  suggest(reference.library) +
                  " (write ./NAME.so for your own, or set AVRIG_PLUGIN_PATH)");
}

std::optional<std::string> find_elf_fault(std::span<const std::byte> header,
                                          std::uint64_t file_bytes,
                                          std::span<const std::byte> own_header) {
  if (header.size() < SELFMAG || std::memcmp(header.data(), ELFMAG, SELFMAG) != 0) {
    return "it is not a shared library (not an ELF file; build it with -shared -fPIC)";
  }
  Elf64_Ehdr seen{};
  Elf64_Ehdr own{};
  if (header.size() < sizeof seen || own_header.size() < sizeof own) {
    return "it is cut short (build it again)";
  }
  std::memcpy(&seen, header.data(), sizeof seen);
  std::memcpy(&own, own_header.data(), sizeof own);
  // Class and byte order come first: where they differ, the fields behind them lie elsewhere.
  if (seen.e_ident[EI_CLASS] != own.e_ident[EI_CLASS] ||
      seen.e_ident[EI_DATA] != own.e_ident[EI_DATA] || seen.e_machine != own.e_machine) {
    return "it is built for another machine (ELF machine " + std::to_string(seen.e_machine) +
           ", class " + std::to_string(seen.e_ident[EI_CLASS]) + "; this is machine " +
           std::to_string(own.e_machine) + ", class " + std::to_string(own.e_ident[EI_CLASS]) +
           "; build it here)";
  }
  if (seen.e_type != ET_DYN) {
    return "it is an ELF file but no shared library (build it with -shared -fPIC)";
  }
  // Linkers put the section table last. Mapping a shorter file ends in SIGBUS, not in an error.
  const std::uint64_t table = std::uint64_t{seen.e_shnum} * seen.e_shentsize;
  if (seen.e_shoff > file_bytes || table > file_bytes - seen.e_shoff) {
    return "it is cut short (build it again)";
  }
  return std::nullopt;
}

PluginLibrary PluginLibrary::load(const fs::path& path) {
  // A path without a slash would make dlopen search the system's folders.
  const fs::path file = fs::absolute(path);
  check_file(file);
  void* const handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    throw refuse(file, explain_dlerror(file));
  }
  void* const symbol = ::dlsym(handle, "avrig_plugin_entry");
  if (symbol == nullptr) {
    throw refuse(file,
                 "it does not export avrig_plugin_entry (end it with AVRIG_PLUGIN(YourClass), or "
                 "mark your own entry AVRIG_EXPORT)");
  }
  const auto entry = reinterpret_cast<Entry>(symbol);  // POSIX: how dlsym gives functions
  const avrig_plugin_descriptor* const descriptor = entry();
  if (const Fault fault = find_descriptor_fault(descriptor)) {
    throw refuse(file, *fault);
  }
  return {file, descriptor};
}

const avrig_component& PluginLibrary::component(std::uint32_t role, std::string_view name) const {
  const auto refuse_choice = [&](const std::string& why) {
    return Error(
        ErrorCode::Open,
        "plug-in " + path_.string() + " " + why + "; it offers " + list_components(components()));
  };
  const std::string wanted(role_name(role));
  const avrig_component* found = nullptr;
  for (const avrig_component* const each : components()) {
    if (!name.empty()) {
      if (name == each->name && each->role == role) {
        return *each;
      }
      continue;
    }
    if (each->role != role) {
      continue;
    }
    if (each->name == path_.stem()) {
      return *each;
    }
    if (found != nullptr) {
      throw refuse_choice("has several " + wanted + "s (name one, as in " +
                          path_.filename().string() + ":" + found->name + ")");
    }
    found = each;
  }
  if (found == nullptr) {
    throw refuse_choice("has no " + wanted + (name.empty() ? "" : " '" + std::string(name) + "'"));
  }
  return *found;
}

}  // namespace avrig::plugin
