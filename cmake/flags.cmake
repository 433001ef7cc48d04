# Compiler settings. They are the same for the C++ and for the Python build, so that ccache lets
# the one reuse the objects of the other.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)  # every library may end up in the Python module
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
# Simulations need the optimiser, failures need line numbers; assert() stays on.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")

add_compile_options(
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi -Wcast-align
  # Designated initialisers are how we name arguments: what is left out has its default.
  -Wno-missing-field-initializers)
if(DYNAKV_WERROR)
  add_compile_options(-Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports these inside its own <string>, <variant> and <vector> once it inlines
  # (GCC bug 105651 and relatives): shown where useful, never fatal.
  add_compile_options(-Wno-restrict -Wno-error=maybe-uninitialized -Wno-error=array-bounds
                      -Wno-error=stringop-overflow -Wno-error=stringop-overread)
endif()

if(DYNAKV_ASSERTIONS)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()
if(DYNAKV_SANITIZE)
  add_compile_options(-fsanitize=${DYNAKV_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${DYNAKV_SANITIZE})
  if(DYNAKV_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)  # one warning for each fence inside Asio
  endif()
endif()

# A program that never touches RocksDB must not load it only because an adapter is in the archive.
if(NOT APPLE)
  add_link_options(LINKER:--as-needed)
endif()

# NOHASHDIR and BASEDIR: neither the build folder nor the place of the checkout is part of the key,
# or the two builds, and two checkouts, would share nothing.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1
                                  CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} ${CCACHE_PROGRAM})
endif()
