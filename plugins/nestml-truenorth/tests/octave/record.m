function record(what, index, values)
  global RECORDED
  RECORDED{end + 1} = {what, index, values};
end
