# Warnings, sanitizers, compiler cache.
# A designated initializer that leaves a member at its default says what it means.
add_compile_options(-Wall -Wextra -Wno-missing-field-initializers -Wpedantic -Wshadow $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast> -Werror=return-type)
option(WEIR_WERROR "Treat warnings as errors" ON)
if(WEIR_WERROR)
  add_compile_options(-Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these inside inlined standard containers.
  add_compile_options(-Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds -Wno-restrict -Wno-dangling-pointer)
endif()

if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # What is embedded in the program is one literal a file.
  add_compile_options(-Wno-overlength-strings)
endif()

set(WEIR_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined or thread")
if(WEIR_SANITIZE)
  add_compile_options(-fsanitize=${WEIR_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${WEIR_SANITIZE})
endif()

# Every library tells the fuzzer which paths an input took.
if(WEIR_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# What another clone has compiled is not compiled again: paths below a clone count as relative.
find_program(CCACHE ccache)
if(CCACHE)
  set(LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=true ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${LAUNCHER})
  set(CMAKE_C_COMPILER_LAUNCHER ${LAUNCHER})
endif()
