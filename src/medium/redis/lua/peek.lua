-- peek: reads the register. It announces nothing.

return answer(false)
