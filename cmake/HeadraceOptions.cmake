# Language, warnings and hardening for every target, and the switches the presets set.
option(HEADRACE_FUZZ "Build the libFuzzer targets (clang)" OFF)
option(HEADRACE_COVERAGE "Instrument for gcov" OFF)
set(HEADRACE_SANITIZE "" CACHE STRING "Sanitizers to link, such as address,undefined or thread")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

# CMake's own -O3 makes the compiler work a quarter longer for code that waits.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
# A test runs for moments and is built often: what it tests is optimised, it is not.
set(HEADRACE_TEST_OPTIONS $<$<CONFIG:Release>:-O0>)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  # What ccache must overlook to keep objects that read a precompiled header (its manual, "Precompiled headers").
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE_PROGRAM})
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

add_library(headrace_options INTERFACE)
target_include_directories(headrace_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
target_compile_options(headrace_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror
  -Wno-missing-field-initializers -fstack-protector-strong
  -pthread)  # everywhere, for its macro is part of what a precompiled header must agree with
target_compile_definitions(headrace_options INTERFACE _GLIBCXX_ASSERTIONS)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
  # GCC 12 reports these inside boost and libstdc++ at -O2 (false positives, PR 105562, PR 105651).
  target_compile_options(headrace_options INTERFACE
    -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds
    -Wno-free-nonheap-object -Wno-dangling-pointer)
endif()
if(HEADRACE_SANITIZE)
  add_compile_options(-fsanitize=${HEADRACE_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${HEADRACE_SANITIZE})
endif()
if(HEADRACE_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
