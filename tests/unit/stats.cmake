foreach(name correlation histogram percentile summary trend trim vector weighted)
    unit_test(${name})
endforeach()
