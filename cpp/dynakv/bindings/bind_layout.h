// Python classes Layout and Member, and properties of buckets as Python writes them.
#pragma once

#include <pybind11/pybind11.h>

#include <map>

#include "dynakv/domain/bucket.h"

namespace dynakv {

struct GivenProperties {
  BucketProperties defaults;
  std::map<Bytes, BucketProperties> buckets;
};

/// From {"n": "3", …} and {b"bucket": {"conflict": "lww"}}. Throws ConfigError.
GivenProperties properties_from(const pybind11::dict& defaults, const pybind11::dict& buckets);

void bind_layout(pybind11::module_& module);

}  // namespace dynakv
