"""Bad inputs: tables of {what is wrong: (the call, words that its error has to say)}.

The words are the argument, layer or key as the user wrote it, and what was found there.
"""
