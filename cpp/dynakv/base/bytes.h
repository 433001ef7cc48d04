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

/// A short, printable form for messages: printable ASCII as it is, the rest as \xNN, cut at
/// `count_max` bytes with "..." behind it.
std::string printable(BytesView bytes, std::size_t count_max = 64);

}  // namespace dynakv
