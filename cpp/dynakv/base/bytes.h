// Owned and borrowed byte strings.
//
// Keys, values and encoded objects are bytes without an encoding. std::string is used as the owner
// because it keeps short keys inline and moves cheaply; it never means text here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dynakv {

using Bytes = std::string;
using BytesView = std::string_view;

/// Lower-case hexadecimal form, two characters for each byte.
std::string to_hex(BytesView bytes);

/// A short, printable form for messages: printable ASCII unchanged, other bytes as \xNN. Longer
/// input is cut at `count_max` bytes and ends in "...".
std::string printable(BytesView bytes, std::size_t count_max = 64);

}  // namespace dynakv
