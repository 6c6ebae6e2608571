# cmake -P cmake/umbrella.cmake: writes include/dispart/dispart.hpp, which includes what everybody needs on the way from a
# model and machines to a plan.
# With -DCHECK=ON it writes nothing and fails when the committed file is stale.
cmake_minimum_required(VERSION 3.25)
cmake_path(SET root NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/..")
set(umbrella "${root}/include/dispart/dispart.hpp")

# These rooms, without their folders (zoo.hpp, operators.hpp, ... include them) and without
# what needs Eigen. Who uses another room includes its headers by name: compile time is paid in every file.
set(headers "")
foreach(room IN ITEMS core model cluster cost plan)
  file(GLOB own RELATIVE "${root}/include" "${root}/include/dispart/${room}/*.hpp")
  list(APPEND headers ${own})
endforeach()
foreach(header IN LISTS headers)
  file(STRINGS "${root}/include/${header}" heavy REGEX "^#include <Eigen/" LIMIT_COUNT 1)
  if(heavy)
    list(REMOVE_ITEM headers "${header}")
  endif()
endforeach()
list(SORT headers)

string(CONCAT content
  "#pragma once\n\n"
  "// The way from a model and machines to a plan: core/, model/, cluster/, cost/, plan/ and what they include. The headers\n"
  "// of other rooms (partition/, schedule/, simulate/, run/, io/, ...) are included by name.\n"
  "// Made by `cmake -P cmake/umbrella.cmake`: do not edit.\n\n")
foreach(header IN LISTS headers)
  string(APPEND content "#include \"${header}\"\n")
endforeach()

set(current "")
if(EXISTS "${umbrella}")
  file(READ "${umbrella}" current)
endif()
if(content STREQUAL current)
  return()
elseif(CHECK)
  message(FATAL_ERROR "include/dispart/dispart.hpp is stale: run cmake -P cmake/umbrella.cmake")
endif()
file(WRITE "${umbrella}" "${content}")
