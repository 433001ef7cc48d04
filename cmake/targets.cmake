# Where a file lies decides what it becomes. Include root is cpp/.
#
#   cpp/dynakv/<layer>/*.cc          library dynakv_<layer>, without the *_main.cc
#   cpp/dynakv/<layer>/<x>_main.cc   program dynakv_<x>_run (layer node)
#   cpp/sim_run/*.cc                 program dynakv_sim_run, and library dynakv_sim_store for tests
#   cpp/tools/<x>.cc                 program dynakv_<x>
#   cpp/bench/*.cc                   program dynakv_bench; needs one *_main.cc
#   cpp/dynakv/bindings/*.cc         Python module dynakv._core (only with DYNAKV_PYTHON)
#   tests/cpp/<folder>/**/*.cc       one GoogleTest program dynakv_<folder>_tests per folder
#
# Programs land in <build>/bin.

set(dynakv_all_layers base domain protocol adapters sim node)

# dynakv_link(<target> <layer>...)
function(dynakv_link target)
  foreach(layer IN LISTS ARGN)
    target_link_libraries(${target} PRIVATE dynakv_${layer})
  endforeach()
endfunction()

# dynakv_add_layer(<layer> [USES <layer>...] [THIRD_PARTY <target>...])
function(dynakv_add_layer layer)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "USES;THIRD_PARTY")
  list(TRANSFORM arg_USES PREPEND dynakv_)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cpp/dynakv/${layer}/*.cc)
  list(FILTER sources EXCLUDE REGEX "_main\\.cc$")
  if(sources)
    add_library(dynakv_${layer} STATIC ${sources})
    target_include_directories(dynakv_${layer} PUBLIC ${PROJECT_SOURCE_DIR}/cpp)
    target_link_libraries(dynakv_${layer} PUBLIC ${arg_USES} PRIVATE ${arg_THIRD_PARTY})
  else()  # headers only, or nothing yet
    add_library(dynakv_${layer} INTERFACE)
    target_include_directories(dynakv_${layer} INTERFACE ${PROJECT_SOURCE_DIR}/cpp)
    target_link_libraries(dynakv_${layer} INTERFACE ${arg_USES} ${arg_THIRD_PARTY})
  endif()
endfunction()

function(dynakv_add_mains)
  foreach(layer IN LISTS ARGN)
    file(GLOB mains CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cpp/dynakv/${layer}/*_main.cc)
    foreach(main IN LISTS mains)
      get_filename_component(stem ${main} NAME_WE)
      string(REGEX REPLACE "_main$" "_run" stem ${stem})
      add_executable(dynakv_${stem} ${main})
      dynakv_link(dynakv_${stem} ${layer})
    endforeach()
  endforeach()
endfunction()

# dynakv_add_sim_run(USES <layer>... THIRD_PARTY <target>...)
function(dynakv_add_sim_run)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "USES;THIRD_PARTY")
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cpp/sim_run/*.cc)
  list(FILTER sources EXCLUDE REGEX "_main\\.cc$")
  list(TRANSFORM arg_USES PREPEND dynakv_)
  add_library(dynakv_sim_store STATIC ${sources})
  target_include_directories(dynakv_sim_store PUBLIC ${PROJECT_SOURCE_DIR}/cpp)
  target_link_libraries(dynakv_sim_store PUBLIC ${arg_USES} PRIVATE ${arg_THIRD_PARTY})
  add_executable(dynakv_sim_run ${PROJECT_SOURCE_DIR}/cpp/sim_run/sim_main.cc)
  dynakv_link(dynakv_sim_run sim_store)
endfunction()

# dynakv_add_tools(USES <layer>...)
function(dynakv_add_tools)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "USES")
  file(GLOB tools CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cpp/tools/*.cc)
  foreach(tool IN LISTS tools)
    get_filename_component(stem ${tool} NAME_WE)
    add_executable(dynakv_${stem} ${tool})
    dynakv_link(dynakv_${stem} ${arg_USES})
  endforeach()
endfunction()

# dynakv_add_bench(USES <layer>...)
function(dynakv_add_bench)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "USES")
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cpp/bench/*.cc)
  if(sources MATCHES "_main\\.cc")
    add_executable(dynakv_bench ${sources})
    target_include_directories(dynakv_bench PRIVATE ${PROJECT_SOURCE_DIR}/cpp)
    dynakv_link(dynakv_bench ${arg_USES})
  endif()
endfunction()

# One program per folder rather than one CTest entry per test: thousands of tests start once.
# A test reads its files from DYNAKV_TESTDATA_DIR, which is tests/cpp/<folder>/testdata.
function(dynakv_add_tests)
  file(GLOB folders CONFIGURE_DEPENDS LIST_DIRECTORIES true ${PROJECT_SOURCE_DIR}/tests/cpp/*)
  foreach(path IN LISTS folders)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${path}/*.cc)
    get_filename_component(folder ${path} NAME)
    if(NOT sources OR folder STREQUAL canary)
      continue()
    endif()
    set(layers ${dynakv_test_uses_${folder}})
    if(NOT layers)
      set(layers ${dynakv_all_layers})
    endif()
    set(target dynakv_${folder}_tests)
    add_executable(${target} ${sources})
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})  # "tests/cpp/..."
    target_compile_definitions(${target} PRIVATE DYNAKV_TESTDATA_DIR="${path}/testdata")
    dynakv_link(${target} ${layers})
    target_link_libraries(${target} PRIVATE GTest::gtest_main)
    add_test(NAME ${target} COMMAND ${target} --gtest_brief=1)
    set_tests_properties(${target} PROPERTIES TIMEOUT 900)
  endforeach()
endfunction()

function(dynakv_add_python_module)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cpp/dynakv/bindings/*.cc)
  if(NOT sources)
    message(WARNING "cpp/dynakv/bindings is empty: the package gets no native module")
    return()
  endif()
  # NO_EXTRAS: no link-time optimisation and no stripping behind our back.
  pybind11_add_module(_core MODULE NO_EXTRAS ${sources})
  target_compile_definitions(_core PRIVATE DYNAKV_VERSION="${PROJECT_VERSION}")
  dynakv_link(_core ${dynakv_all_layers})
  if(NOT APPLE)  # export the module's entry point and nothing of the archives
    target_link_options(_core PRIVATE LINKER:--exclude-libs,ALL)
  endif()
  install(TARGETS _core DESTINATION dynakv)
endfunction()

# The planted bugs (base/canary.h) exist only in this program, which compiles the core once more.
function(dynakv_add_canary_tests)
  set(sources)
  foreach(layer base domain protocol sim)
    file(GLOB layer_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cpp/dynakv/${layer}/*.cc)
    list(APPEND sources ${layer_sources})
  endforeach()
  list(FILTER sources EXCLUDE REGEX "_main\\.cc$")
  file(GLOB tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/cpp/canary/*.cc)
  set(adapters ${PROJECT_SOURCE_DIR}/cpp/dynakv/adapters)
  add_executable(dynakv_canary_tests ${tests} ${sources} ${adapters}/memory_store.cc
                                     ${adapters}/wire_codec.cc)
  target_compile_definitions(dynakv_canary_tests PRIVATE DYNAKV_CANARIES)
  target_include_directories(dynakv_canary_tests PRIVATE ${PROJECT_SOURCE_DIR}/cpp
                                                         ${PROJECT_SOURCE_DIR})
  target_link_libraries(dynakv_canary_tests PRIVATE dynakv_expected dynakv_xxhash dynakv_cereal
                                                    GTest::gtest_main)
  add_test(NAME dynakv_canary_tests COMMAND dynakv_canary_tests --gtest_brief=1)
  set_tests_properties(dynakv_canary_tests PROPERTIES TIMEOUT 900)
endfunction()
